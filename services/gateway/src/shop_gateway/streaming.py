"""An answer on its way to the client: in one piece when it is small, else as it comes."""

import asyncio

import aiohttp
from starlette.types import Receive, Send

from shop_gateway.headers import outbound
from shop_shared.http.problems import ClientDisconnected

WHOLE_BYTES = 64 * 1024
"""An answer of no more is read whole and sent at once."""
SEND_SECONDS = 60.0
"""How long a client may take to read on; a pod's connection is held no longer than that."""


class AnswerStreams:
    """Passes answers on, and ends those that would go on for ever when the gateway ends."""

    def __init__(self) -> None:
        self._endless: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """End endless streams: their clients connect to a gateway that stays."""
        for gone in list(self._endless):
            gone.cancel()

    async def pass_on(self, response: aiohttp.ClientResponse, receive: Receive, send: Send) -> None:
        """Send an answer to the client. A client that goes away ends it at the service too.

        Raises aiohttp.ClientError when the service breaks off, ClientDisconnected when the client
        does not read on.
        """
        start = {
            "type": "http.response.start",
            "status": response.status,
            "headers": outbound(response.raw_headers),
        }
        length = response.content_length
        if length is not None and length <= WHOLE_BYTES:
            body = await response.read()
            await send(start)
            await send({"type": "http.response.body", "body": body})
            return
        await send(start)
        endless = is_endless(response)
        gone = asyncio.create_task(_disconnect(receive)) if endless else None
        if gone:
            self._endless.add(gone)
            gone.add_done_callback(self._endless.discard)
            gone.add_done_callback(lambda _: response.close())
        try:
            async for piece in response.content.iter_any():
                await _send_in_time(send, piece)
        except aiohttp.ClientError:
            if gone is None or not gone.done():
                raise
        finally:
            if gone:
                gone.cancel()
        await send({"type": "http.response.body", "body": b""})


def is_endless(response: aiohttp.ClientResponse) -> bool:
    """Tell whether the answer is a stream of events, which ends when somebody leaves."""
    return response.content_type == "text/event-stream"


async def _send_in_time(send: Send, piece: bytes) -> None:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except TimeoutError as error:
        raise ClientDisconnected("the client does not read on") from error


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
