"""Which headers cross the gateway, each way."""

from collections.abc import Iterable, Mapping

Headers = list[tuple[bytes, bytes]]

# RFC 9110 section 7.6.1: meant for one connection only.
_HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
# What a client must not say of itself: who it is, where it comes from, how long it may take.
_SPOOFABLE = frozenset((b"forwarded", b"x-real-ip", b"x-request-timeout-ms"))
# Written anew for the pod that is called.
_OURS = frozenset((b"host", b"traceparent"))
_SPOOFABLE_PREFIXES = (b"x-forwarded-", b"x-user-", b"x-auth-", b"x-internal-")


def inbound(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Keep what a client may say to a service."""
    pairs = [(name.lower(), value) for name, value in headers]
    dropped = _HOP_BY_HOP | _named_by_connection(pairs)
    return [
        (name, value)
        for name, value in pairs
        if name not in dropped
        and name not in _OURS
        and name not in _SPOOFABLE
        and not name.startswith(_SPOOFABLE_PREFIXES)
    ]


def outbound(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Keep what a service may say to a client."""
    pairs = [(name.lower(), value) for name, value in headers]
    dropped = _HOP_BY_HOP | _named_by_connection(pairs)
    return [(name, value) for name, value in pairs if name not in dropped]


def first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the first header of that lower-case name."""
    return next((value for key, value in headers if key.lower() == name), None)


def as_text(headers: Headers) -> list[tuple[str, str]]:
    """Return the headers as the text that an HTTP client takes; latin-1 keeps every octet."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def forwarded(*, client: str, scheme: str, host: bytes, before: Mapping[bytes, bytes]) -> Headers:
    """Say where the request came from; `before` holds what a trusted proxy said of it already."""
    chain = before.get(b"x-forwarded-for")
    return [
        (b"x-forwarded-for", chain + b", " + client.encode() if chain else client.encode()),
        (b"x-forwarded-proto", before.get(b"x-forwarded-proto", scheme.encode())),
        (b"x-forwarded-host", before.get(b"x-forwarded-host", host)),
    ]


def _named_by_connection(pairs: Headers) -> frozenset[bytes]:
    return frozenset(
        token.strip().lower()
        for name, value in pairs
        if name == b"connection"
        for token in value.split(b",")
    )
