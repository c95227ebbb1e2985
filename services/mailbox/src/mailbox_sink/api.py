"""The page to read what was "sent", the same as JSON, and the APIs that take SMS and push."""

from __future__ import annotations

import html
from dataclasses import asdict
from typing import Any, Literal
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import Field

from mailbox_sink.box import Box, Kept
from shop_shared.models import StrictModel

Channel = Literal["email", "sms", "push", "slack"]


SHOWN = 200
"""Messages on the page."""
FOREIGN = "foreign:"
"""Begins the push tokens of devices that registered with another project."""


class Refuse(StrictModel):
    """The next messages of a channel are refused."""

    times: int = Field(1, ge=1, le=10_000)
    for_good: bool = False


def router(box: Box) -> APIRouter:
    """Make the routes."""
    routes = APIRouter()

    @routes.get("/", response_class=HTMLResponse)
    async def page(channel: Channel | None = None, to: str | None = None) -> str:
        rows = "".join(map(_row, box.find(channel=channel, to=to, limit=SHOWN)))
        return _PAGE.replace("ROWS", rows or "<p>Nothing was sent yet.</p>")

    @routes.get("/messages")
    async def messages(channel: Channel | None = None, to: str | None = None) -> dict[str, Any]:
        return {"items": [asdict(kept) for kept in box.find(channel=channel, to=to)]}

    @routes.delete("/messages", status_code=204)
    async def clear() -> None:
        box.clear()

    @routes.post("/refusals/{channel}", status_code=204)
    async def refuse(channel: Channel, wanted: Refuse) -> None:
        box.refuse(channel, times=wanted.times, for_good=wanted.for_good)

    @routes.post("/sms/2010-04-01/Accounts/{account}/Messages.json")
    async def sms(account: str, request: Request) -> Response:
        refusal = box.refusal("sms")
        if refusal is not None:
            return JSONResponse({"code": 21211}, 400 if refusal else 503)
        form = {
            name: values[0] for name, values in parse_qs((await request.body()).decode()).items()
        }
        token = request.headers.get("i-twilio-idempotency-token", "")
        kept = box.put(channel="sms", to=form["To"], subject="", body=form["Body"], id_=token)
        return JSONResponse(
            {"sid": f"SM{kept.number:032x}", "status": "queued", "account_sid": account}, 201
        )

    @routes.post("/push/v1/projects/{project}/messages:send")
    async def push(project: str, request: Request) -> Response:
        refusal = box.refusal("push")
        if refusal is not None:
            return JSONResponse({"error": {"status": "UNREGISTERED"}}, 404 if refusal else 503)
        message = (await request.json())["message"]
        if message["token"].startswith(FOREIGN):
            return JSONResponse({"error": {"status": "SENDER_ID_MISMATCH"}}, 403)
        kept = box.put(
            channel="push",
            to=message["token"],
            subject=message["notification"]["title"],
            body=message["notification"]["body"],
            id_=message["data"]["notification_id"],
        )
        return JSONResponse({"name": f"projects/{project}/messages/{kept.number}"})

    return routes


def _row(kept: Kept) -> str:
    return _ROW.format(
        at=f"{kept.at:%H:%M:%S}",
        channel=html.escape(kept.channel),
        to=html.escape(kept.to),
        subject=html.escape(kept.subject or kept.body[:80]),
        body=html.escape(kept.body),
    )


_ROW = """<details><summary><time>{at}</time> <b>{channel}</b> {to} — {subject}</summary>
<pre>{body}</pre></details>"""

_PAGE = """<!doctype html><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5"><title>Minishop mailbox</title>
<style>body{font:1rem system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}
details{border-bottom:1px solid #ddd;padding:.5rem 0}summary{cursor:pointer}
pre{white-space:pre-wrap;background:#f6f6f6;padding:1rem}nav a{margin-right:1rem}</style>
<h1>Mailbox</h1><nav><a href="/">all</a><a href="/?channel=email">e-mail</a>
<a href="/?channel=sms">SMS</a><a href="/?channel=push">push</a>
<a href="/?channel=slack">Slack</a></nav>
ROWS"""
