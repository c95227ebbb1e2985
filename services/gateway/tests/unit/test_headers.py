import pytest

from shop_gateway.encoding import accepts_gzip
from shop_gateway.headers import as_text, combined, forwarded, inbound, outbound


def test_identity_and_hop_headers_from_outside_are_dropped() -> None:
    sent = [
        (b"X-User-Id", b"admin"),
        (b"x-auth-roles", b"admin"),
        (b"X-Forwarded-For", b"10.0.0.1"),
        (b"Forwarded", b"for=10.0.0.1"),
        (b"X-Request-Timeout-Ms", b"999999"),
        (b"Connection", b"keep-alive, X-Secret"),
        (b"X-Secret", b"1"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Host", b"shop"),
        (b"Accept-Encoding", b"gzip"),
        (b"Expect", b"100-continue"),
        (b"Authorization", b"Bearer t"),
        (b"If-Match", b'"1"'),
    ]
    via = (b"via", b"1.1 minishop-gateway")
    assert inbound(sent) == [(b"authorization", b"Bearer t"), (b"if-match", b'"1"'), via]


def test_an_answer_keeps_all_but_its_connection_headers_and_the_servers_own() -> None:
    answered = [
        (b"ETag", b'"1"'),
        (b"Transfer-Encoding", b"chunked"),
        (b"Date", b"Fri, 27 Nov 2026 00:00:00 GMT"),
        (b"Server", b"secret/1.0"),
        (b"Set-Cookie", b"a=b"),
    ]
    assert outbound(answered) == [(b"etag", b'"1"'), (b"set-cookie", b"a=b")]


def test_where_a_request_came_from_is_said_anew() -> None:
    assert forwarded(client="9.9.9.9", scheme="https", host=b"shop") == [
        (b"x-forwarded-for", b"9.9.9.9"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"shop"),
    ]


def test_lines_of_one_field_are_one_list() -> None:
    headers = [(b"If-None-Match", b'"1"'), (b"X", b"1"), (b"if-none-match", b'"2"')]
    assert combined(headers, b"if-none-match") == b'"1", "2"'
    assert combined(headers, b"etag") is None


@pytest.mark.parametrize("value", ["ключ".encode(), b"plain", "é".encode()])
def test_utf_8_arrives_as_it_came(value: bytes) -> None:
    [(_, text)] = as_text([(b"idempotency-key", value)])
    assert text.encode() == value


def test_other_octets_are_latin_1() -> None:
    assert as_text([(b"x", b"caf\xe9")]) == [("x", "café")]


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip;q=0.5, *;q=0", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip ; q=0.1", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity, gzip;q=0.5", False),
        ("identity;q=0.5, gzip", True),
        ("br", False),
        ("notgzip", False),
        ("gzip;q=2", False),
        ("gzip;q=x", False),
    ],
)
def test_gzip_is_sent_to_who_accepts_it(header: str | None, *, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted
