"""A request's body on its way through: counted against its limit, and timed.

What goes wrong here is the caller's doing, and the body remembers it (`failure`): whoever sends it
on sees a broken connection and could not tell.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Self

from starlette.types import Message, Receive, Scope

from shop_gateway.headers import first
from shop_shared.http.deadline import Deadline
from shop_shared.http.problems import ClientDisconnected, PayloadTooLarge, Problem, RequestTimeout

BUFFER_BYTES = 64 * 1024
"""A body of no more is read whole before a pod is called, so no caller's pace holds a pod up."""


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """The most bytes of a body and the seconds it may take; `upload_…` of NDJSON and pictures."""

    plain: int
    upload: int
    seconds: float = 15.0
    upload_seconds: float = 300.0


@dataclass
class Body:
    """A body as it comes from the client. `empty` when the request has none."""

    receive: Receive
    limit: int
    empty: bool
    seconds: float = 15.0
    """How long the caller may be waited for, all in all."""
    upload: bool = False
    length: int | None = None
    """What the request says; None when it is sent in chunks."""
    started: bool = False
    """Whether a part of it was handed out that cannot be had again."""
    failure: Problem | None = None
    """What the caller did wrong with it."""
    data: bytes | None = None
    """The whole body, once `buffer` has read it."""

    @classmethod
    def of(cls, scope: Scope, receive: Receive, limits: BodyLimits) -> Self:
        """Return the request's body. Raises PayloadTooLarge by its stated length."""
        headers = scope["headers"]
        media_type = (first(headers, b"content-type") or b"").partition(b";")[0].strip().lower()
        upload = media_type.endswith((b"ndjson", b"jsonl")) or media_type.startswith(b"image/")
        limit = limits.upload if upload else limits.plain
        raw = first(headers, b"content-length") or b""
        length = int(raw) if raw.isdigit() else None
        if length is not None and length > limit:
            raise PayloadTooLarge(f"a body may have {limit} bytes, this one has {length}")
        empty = not length and first(headers, b"transfer-encoding") is None
        seconds = limits.upload_seconds if upload else limits.seconds
        return cls(receive, limit, empty=empty, seconds=seconds, upload=upload, length=length)

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent once more from its beginning."""
        return self.empty or self.data is not None or not self.started

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is still to come from the caller."""
        return self.empty or self.data is not None

    async def buffer(self) -> None:
        """Read a small body whole. Raises what `_read` does."""
        if not self.empty and self.length is not None and self.length <= BUFFER_BYTES:
            self.data = b"".join([piece async for piece in self._pieces(None)])

    def content(self, deadline: Deadline) -> bytes | AsyncIterator[bytes] | None:
        """Return what to send to a pod; the deadline rests while the caller is waited for."""
        if self.empty:
            return None
        return self.data if self.data is not None else self._pieces(deadline)

    async def _pieces(self, deadline: Deadline | None) -> AsyncIterator[bytes]:
        """Yield the body. Raises PayloadTooLarge, RequestTimeout, ClientDisconnected."""
        self.started = deadline is not None
        total, waited, more = 0, 0.0, True
        while more:
            begun = time.monotonic()
            with deadline.paused() if deadline is not None else nullcontext():
                message = await self._next(self.seconds - waited)
            waited += time.monotonic() - begun
            piece: bytes = message.get("body", b"")
            total += len(piece)
            if total > self.limit:
                raise self._fail(PayloadTooLarge(f"a body may have {self.limit} bytes"))
            more = message.get("more_body", False)
            if piece:
                yield piece

    async def _next(self, seconds: float) -> Message:
        try:
            async with asyncio.timeout(seconds):
                message = await self.receive()
        except TimeoutError as error:
            late = RequestTimeout(f"the body was not there after {self.seconds:g} seconds")
            raise self._fail(late) from error
        if message["type"] == "http.disconnect":
            raise self._fail(ClientDisconnected())
        return message

    def _fail(self, failure: Problem) -> Problem:
        self.failure = failure
        return failure


async def _nothing() -> Message:
    return {"type": "http.request", "body": b""}


def no_body() -> Body:
    """Return the body of a request that has none."""
    return Body(_nothing, 0, empty=True)
