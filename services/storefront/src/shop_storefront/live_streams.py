"""Answers that go on for as long as an order does, ended when the process ends."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing


class LiveStreams:
    """What ends the open streams of this process."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End every stream; a browser connects again, to another replica."""
        self._stopping.set()

    async def relay(self, source: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
        """Yield what the source yields until it ends or the process stops."""
        stopping = asyncio.create_task(self._stopping.wait())
        async with aclosing(source):
            following: asyncio.Task[bytes | None] | None = None
            try:
                while True:
                    following = asyncio.create_task(_next(source))
                    await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    if not following.done():
                        return
                    piece = following.result()
                    if piece is None:
                        return
                    yield piece
            finally:
                stopping.cancel()
                if following is not None and not following.done():
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)


async def _next(source: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(source, None)
