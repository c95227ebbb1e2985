"""Request bodies, checked before anyone parses them: size, type, and JSON no store could keep."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop_shared.http import problems
from shop_shared.http.problems import (
    PayloadTooLarge,
    Problem,
    RequestTimeout,
    Unprocessable,
    UnsupportedContentEncoding,
    UnsupportedMediaType,
)
from shop_shared.models import storable

MEBIBYTE = 1024 * 1024
MAX_DEPTH = 32
_LONG_NUMBER = re.compile(rb"[0-9]{16}|[eE][+-]?[0-9]{2}")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What may be sent.

    Paths: other limits for paths that start so, `*` being any one segment; the longest counts.
    """

    max_bytes: int = MEBIBYTE
    media_types: frozenset[str] | None = frozenset({"application/json"})
    """None: any."""
    check_json: bool = True
    """Read JSON whole and refuse what no store could keep. Off: bodies are streamed through."""
    seconds: float = 60.0
    """How long JSON may take to come."""
    paths: Mapping[str, "BodyLimits"] = field(default_factory=dict)

    def for_path(self, path: str) -> "BodyLimits":
        """Return the limits that count for path."""
        prefixes = [prefix for prefix in self.paths if _starts(path, prefix)]
        return self.paths[max(prefixes, key=len)] if prefixes else self


def _starts(path: str, prefix: str) -> bool:
    if "*" not in prefix:
        return path.startswith(prefix)
    return re.match(re.escape(prefix).replace(r"\*", "[^/]+"), path) is not None


class LimitBodies:
    """ASGI middleware that answers 413, 415 and 422 before the application sees the request."""

    def __init__(self, app: ASGIApp, *, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the body, then call the application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            checked = await self._check(scope, receive)
        except Problem as problem:
            answer = await problems.answer(problem, scope, receive)
            await answer(scope, receive, send)
            return
        await self._app(scope, checked, send)

    async def _check(self, scope: Scope, receive: Receive) -> Receive:
        if "\0" in scope["path"]:
            raise problems.NotFound
        if b"%00" in scope["query_string"]:
            raise Unprocessable("NUL in the query.", errors=[_error("/query", "contains NUL")])
        headers = dict(scope["headers"])
        length = headers.get(b"content-length")
        if length in {None, b"0"} and b"transfer-encoding" not in headers:
            return receive
        if headers.get(b"content-encoding", b"identity").strip().lower() not in {b"", b"identity"}:
            raise UnsupportedContentEncoding
        limits = self._limits.for_path(scope["path"])
        if length is not None and int(length) > limits.max_bytes:
            raise _too_large(limits)
        media_type = (
            headers.get(b"content-type", b"").split(b";")[0].strip().lower().decode("latin-1")
        )
        if limits.media_types is not None and media_type not in limits.media_types:
            raise UnsupportedMediaType(f"Send {' or '.join(sorted(limits.media_types))}.")
        if limits.check_json and media_type == "application/json":
            try:
                async with asyncio.timeout(limits.seconds):
                    body = await _read(receive, limits)
            except TimeoutError as error:
                raise RequestTimeout from error
            check_json(body)
            return _replay(body, receive)
        return _counted(receive, limits)


def check_json(body: bytes) -> None:
    """Raise Unprocessable for what is not JSON, too deep, NaN, beyond 64 bits, or holds NUL."""
    if not body:
        return
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unprocessable("The body is not JSON.", errors=[_error("", str(error))]) from error
    brackets = body.count(b"[") + body.count(b"{")
    if brackets > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise Unprocessable("Nested too deep.", errors=[_error("", f"deeper than {MAX_DEPTH}")])
    if (b"\\u0000" in body or b"\0" in body) and not storable(value):
        raise Unprocessable("NUL in a string.", errors=[_error("", "contains NUL")])
    if _LONG_NUMBER.search(body) and not _numbers_fit(value):
        raise Unprocessable("A number is too large.", errors=[_error("", "beyond 64 bits")])


def _error(pointer: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "message": message}


def _too_large(limits: BodyLimits) -> PayloadTooLarge:
    return PayloadTooLarge(f"At most {limits.max_bytes} bytes.")


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level := [
        child
        for item in level
        for child in (
            item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        )
        if isinstance(child, dict | list)
    ]:
        depth += 1
    return depth + 1


def _numbers_fit(value: object) -> bool:
    match value:
        case dict():
            return all(_numbers_fit(item) for item in value.values())
        case list():
            return all(_numbers_fit(item) for item in value)
        case int() | float():  # orjson reads an integer beyond 64 bits as a float
            return -(2.0**63) < value < 2.0**63
        case _:
            return True


async def _read(receive: Receive, limits: BodyLimits) -> bytes:
    counted = _counted(receive, limits)
    chunks = bytearray()
    while True:
        message = await counted()
        if message["type"] != "http.request":
            return bytes(chunks)
        chunks += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _counted(receive: Receive, limits: BodyLimits) -> Receive:
    """Count what arrives: a chunked body says no length before."""
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        if message["type"] == "http.request":
            total += len(message.get("body", b""))
            if total > limits.max_bytes:
                raise _too_large(limits)
        return message

    return counted
