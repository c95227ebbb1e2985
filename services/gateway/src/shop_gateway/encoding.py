"""Compression: gzip for whoever accepts it, by Starlette's middleware, and what HTTP asks beside.

A compressed answer is another representation, so its strong entity tag is another too (RFC 9110,
8.8.3.3): `"7"` becomes `"7-gzip"`, and a client that says `If-Match: "7-gzip"` means `"7"`.
"""

import re

from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop_gateway.headers import Headers, combined, first, without

MIN_COMPRESSED_BYTES = 512
GZIP_LEVEL = 5
GZIP = b"gzip"
_CONDITIONS = frozenset((b"if-match", b"if-none-match"))
_EXCLUDED = frozenset(DEFAULT_EXCLUDED_CONTENT_TYPES)
_WITHOUT_CONTENT = frozenset((204, 304))
_SUFFIX = b'-gzip"'
_QUALITY = re.compile(r"\s*;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE | re.ASCII)


def accepts_gzip(header: str | None) -> bool:
    """Tell whether an Accept-Encoding lets an answer come in gzip (RFC 9110, 12.5.3)."""
    qualities: dict[str, float] = {}
    for part in (header or "").split(","):
        coding, separator, parameters = part.partition(";")
        quality = _QUALITY.fullmatch(separator + parameters)
        if not separator or quality:
            qualities[coding.strip().lower()] = float(quality[1]) if quality else 1.0
    wanted = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return wanted > 0 and wanted >= qualities.get("identity", 0.0)


class CompressResponses:
    """ASGI middleware: inside, `Accept-Encoding` is `gzip` or missing; entity tags are plain."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._gzip = GZipMiddleware(
            app, minimum_size=MIN_COMPRESSED_BYTES, compresslevel=GZIP_LEVEL
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application and compress its answer where the client lets it."""
        if scope["type"] != "http":
            await self._plain(scope, receive, send)
            return
        accepted = combined(scope["headers"], b"accept-encoding")
        gzip = accepts_gzip(accepted.decode("latin-1")) if accepted else False
        named = combined(scope["headers"], b"if-none-match") or b""
        head = scope["method"] == "HEAD"

        async def send_described(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers, status = message["headers"], message["status"]
                if status not in _WITHOUT_CONTENT and (head or not gzip):
                    headers = _described(headers, gzip=gzip)
                encoded = first(headers, b"content-encoding") == GZIP
                if gzip and (encoded or (status == 304 and _SUFFIX in named)):  # noqa: PLR2004 -- Not Modified
                    headers = [_tagged(*pair) for pair in headers]
                message = {**message, "headers": headers}
            await send(message)

        headers = [
            (name, value.replace(_SUFFIX, b'"') if name in _CONDITIONS else value)
            for name, value in scope["headers"]
            if name != b"accept-encoding"
        ]
        if gzip:
            headers.append((b"accept-encoding", GZIP))
        app = self._gzip if gzip else self._plain
        await app({**scope, "headers": headers}, receive, send_described)


def _tagged(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Make an ETag that of the compressed answer, and leave every other header."""
    if name.lower() != b"etag" or value.startswith(b"W/") or value.endswith(_SUFFIX):
        return name, value
    return name, value.removesuffix(b'"') + _SUFFIX


def is_compressible(headers: Headers) -> bool:
    """Tell whether an answer's type is one that gzip makes smaller: no picture, no archive."""
    kind = (first(headers, b"content-type") or b"").partition(b";")[0].decode("latin-1").lower()
    return kind not in _EXCLUDED and kind.partition("/")[0] + "/*" not in _EXCLUDED


def _described(headers: Headers, *, gzip: bool) -> Headers:
    """Return an answer's headers with what its GET in gzip would say of the coding.

    A HEAD's too, but for the length, which is not known before the content is made.
    """
    length = first(headers, b"content-length") or b""
    vary = combined(headers, b"vary") or b""
    small = length.isdigit() and int(length) < MIN_COMPRESSED_BYTES
    if small or first(headers, b"content-encoding") or b"accept-encoding" in vary.lower():
        return headers
    if not is_compressible(headers):
        return headers
    varied = [*headers, (b"vary", b"Accept-Encoding")]
    if not gzip:
        return varied
    return [*without(varied, b"content-length"), (b"content-encoding", GZIP)]
