"""A request's body on its way through, counted against its limit."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self

from starlette.types import Message, Receive, Scope

from shop_gateway.headers import first
from shop_shared.http.problems import PayloadTooLarge


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """The most bytes a body may have; `upload` is for line-by-line imports (NDJSON)."""

    plain: int
    upload: int


@dataclass
class Body:
    """A body as it comes from the client. `empty` when the request has none."""

    receive: Receive
    limit: int
    empty: bool
    upload: bool = False
    started: bool = False

    @classmethod
    def of(cls, scope: Scope, receive: Receive, limits: BodyLimits) -> Self:
        """Return the request's body. Raises PayloadTooLarge by its stated length."""
        headers = scope["headers"]
        kind = first(headers, b"content-type") or b""
        upload = b"ndjson" in kind
        limit = limits.upload if upload else limits.plain
        raw = first(headers, b"content-length") or b""
        length = int(raw) if raw.isdigit() else 0
        if length > limit:
            raise PayloadTooLarge(f"a body may have {limit} bytes, this one has {length}")
        empty = not length and b"transfer-encoding" not in dict(headers)
        return cls(receive, limit, empty=empty, upload=upload)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body. Raises PayloadTooLarge, ConnectionResetError when the client leaves."""
        self.started = True
        total, more = 0, True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError("the client went away")
            piece: bytes = message.get("body", b"")
            total += len(piece)
            if total > self.limit:
                raise PayloadTooLarge(f"a body may have {self.limit} bytes")
            more = message.get("more_body", False)
            if piece:
                yield piece


async def _nothing() -> Message:
    return {"type": "http.request", "body": b""}


def no_body() -> Body:
    """Return the body of a request that has none."""
    return Body(_nothing, 0, empty=True)
