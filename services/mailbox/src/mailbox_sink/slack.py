"""Takes what is posted to an incoming webhook of Slack's.

Source: api.slack.com/messaging/webhooks.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ValidationError

from mailbox_sink.box import Box


class Attachment(BaseModel):
    """A part of a message, as far as it is shown here."""

    title: str = ""
    title_link: str = ""
    text: str = ""


class Message(BaseModel):
    """A message: its own text, attachments, or both."""

    channel: str = ""
    text: str = ""
    attachments: list[Attachment] = []

    def title(self) -> str:
        """Return the first attachment's title."""
        return next((each.title for each in self.attachments if each.title), "")

    def body(self) -> str:
        """Return the texts and links, a line each."""
        parts = [self.text]
        for each in self.attachments:
            parts += [each.text, each.title_link]
        return "\n".join(part.strip() for part in parts if part)


def router(box: Box) -> APIRouter:
    """Make the route."""
    routes = APIRouter()

    @routes.post("/slack/services/{hook:path}")
    async def post(hook: str, request: Request) -> Response:
        refusal = box.refusal("slack")
        if refusal is not None:
            return PlainTextResponse("no_service", 404 if refusal else 503)
        try:
            message = Message.model_validate_json(await request.body())
        except ValidationError:
            return PlainTextResponse("invalid_payload", 400)
        if not message.text and not message.attachments:
            return PlainTextResponse("no_text", 400)
        box.put(
            channel="slack",
            to=message.channel or hook,
            subject=message.title(),
            body=message.body(),
            id_="",
        )
        return PlainTextResponse("ok")

    return routes
