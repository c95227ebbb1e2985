"""Which headers cross the gateway, each way."""

from collections.abc import Iterable

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
_SPOOFABLE_PREFIXES = (b"x-forwarded-", b"x-user-", b"x-auth-", b"x-internal-")
# Written anew for the pod that is called, or between the client and the gateway alone: the server
# has answered `Expect: 100-continue`, and the gateway is the one who compresses.
_OURS = frozenset((b"host", b"traceparent", b"accept-encoding", b"expect"))
# Written by the gateway's own server.
_OF_THE_SERVER = frozenset((b"date", b"server"))
_VIA = (b"via", b"1.1 minishop-gateway")


def inbound(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Keep what a client may say to a service, and add that it came through here (`Via`)."""
    pairs = [(name.lower(), value) for name, value in headers]
    dropped = _HOP_BY_HOP | _named_by_connection(pairs)
    kept = [
        (name, value)
        for name, value in pairs
        if name not in dropped
        and name not in _OURS
        and name not in _SPOOFABLE
        and not name.startswith(_SPOOFABLE_PREFIXES)
    ]
    return [*kept, _VIA]


def outbound(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Keep what a service may say to a client.

    `Date` is left to the gateway's server, which writes one; an answer's `Age` says how old it is.
    """
    pairs = [(name.lower(), value) for name, value in headers]
    dropped = _HOP_BY_HOP | _named_by_connection(pairs) | _OF_THE_SERVER
    return [(name, value) for name, value in pairs if name not in dropped]


def first(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return the first header of that lower-case name."""
    return next((value for key, value in headers if key.lower() == name), None)


def combined(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Return a list field's lines as one (RFC 9110, 5.3), or None without any."""
    values = [value for key, value in headers if key.lower() == name]
    return b", ".join(values) if values else None


def without(headers: Headers, *names: bytes) -> Headers:
    """Return the headers but those."""
    return [pair for pair in headers if pair[0] not in names]


def as_text(headers: Headers) -> list[tuple[str, str]]:
    """Return the headers as the text that an HTTP client takes, which it encodes as UTF-8.

    So UTF-8 arrives as it came; other octets are read as latin-1, the field values of old.
    """
    return [(name.decode("latin-1"), _text(value)) for name, value in headers]


def forwarded(*, client: str, scheme: str, host: bytes) -> Headers:
    """Say where the request came from: the address that counts, not what was said of it."""
    return [
        (b"x-forwarded-for", client.encode()),
        (b"x-forwarded-proto", scheme.encode()),
        (b"x-forwarded-host", host),
    ]


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _named_by_connection(pairs: Headers) -> frozenset[bytes]:
    return frozenset(
        token.strip().lower()
        for name, value in pairs
        if name == b"connection"
        for token in value.split(b",")
    )
