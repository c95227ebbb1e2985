"""An order's events as they come: the API's stream, with the session in place of the token."""

from collections.abc import AsyncGenerator
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from shop_storefront.state import State
from shop_storefront.visit import CustomerVisit

router = APIRouter()


@router.get("/orders/{order_id}/events")
async def follow(request: Request, visit: CustomerVisit, state: State, order_id: UUID) -> Response:
    """Relay the order's server-sent events until it is settled."""
    token = await visit.token()
    headers = visit.forwarded()
    if last := request.headers.get("last-event-id"):
        headers["Last-Event-ID"] = last[:100]

    async def events() -> AsyncGenerator[bytes, None]:
        path = f"/v1/orders/{order_id}/events"
        async with state.api.stream(path, token=token, headers=headers) as answer:
            yield b""
            async for piece in answer.aiter_bytes():
                yield piece

    source = events()
    await anext(source)  # another's order is 404, a stream too many 429: before an answer begins
    return StreamingResponse(state.streams.relay(source), media_type="text/event-stream")
