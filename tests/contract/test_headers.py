"""Whatever headers and queries hold, the answer is a problem or what was asked for, never a 500."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.owned_resources import OwnedResources, make
from contract.routes import ROLES, ROUTES, Route
from contract.shop import Shop

EVERYWHERE = (
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "Content-Language",
    "Content-Type",
    "Forwarded",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "Idempotency-Key",
    "Last-Event-ID",
    "Origin",
    "Range",
    "traceparent",
    "tracestate",
    "X-Forwarded-For",
    "X-Request-Id",
    "X-Request-Timeout-Ms",
)
OCTETS = st.binary(max_size=60).map(
    # What a server of HTTP lets through: no line breaks, no NUL, no white space around.
    lambda octets: bytes(octet for octet in octets if octet >= 32 and octet != 127).strip()
)
ODD = [
    b'W/"',
    b'"\xff"',
    b'"1", "2", *',
    b"*",
    b"-1",
    b"9" * 400,
    b"1e400",
    b"NaN",
    b"bytes=0-,-1",
    b"Bearer",
    b"Bearer " + b"." * 300,
    b"Basic Og==",
    b"Bearer eyJhbGciOiJub25lIn0.e30.",
    b"bearer \xc3\xa9.\xc3\xa9.\xc3\xa9",
    b"00-00000000000000000000000000000000-0000000000000000-00",
    b"00-" + b"f" * 32 + b"-" + b"f" * 16 + b"-ff-more",
    b"gzip;q=2, *;q=-1, ;;,",
    b"application/json; charset=utf-7",
    b"application/json;" + b"a" * 300,
    b"\xf0\x9f\x92\xa9",
    b'for="[::1%25lo]"',
    b"1.2.3.4, , ::ffff:1.2.3.4, unknown, " + b"x" * 200,
    b"Sun, 31 Feb 99999 25:61:61 GMT",
    b"null",
]
VALUES = st.one_of(st.sampled_from(ODD), OCTETS)
ODD_TEXTS = [
    *("", " ", "%", "*", "$ne", '{"$gt":""}', "nan", "inf", "-0", "1e400", "\u0661\u0662"),
    *("\ufeff", "\u2028", "' OR 1=1 --", "9" * 400, "x" * 3000, "true", "[]", "\0", "\x1b"),
    *("2026-02-30T00:00:00Z", "9999-12-31T23:59:59-14:00", "USD", "usd", "00000000"),
]
TEXTS = st.one_of(
    st.text(max_size=40),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(ODD_TEXTS),
)


def _queries() -> Iterator[Any]:
    """Every route with parameters in its query, and their names."""
    for route in ROUTES:
        document = route.member.openapi
        parameters = document["paths"][route.path][route.method.lower()].get("parameters", ())
        names = [each["name"] for each in parameters if each["in"] == "query"]
        if names:
            yield pytest.param(route, names, id=str(route))


NOT_OWNED = {"number", "token", "provider"}
QUERIES = list(_queries())
# An endless answer has headers of its own tests.
PLAIN = [route for route in ROUTES if not route.path.endswith("/events")]


@pytest.fixture
def owned(shop: Shop) -> OwnedResources:
    """Make accounts for each test: one of the routes deletes its caller's."""
    return OwnedResources(shop)


def bounded(examples: int) -> settings:
    """Return hypothesis' settings for a test whose every example asks a service."""
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


def made(route: Route, owned: OwnedResources) -> dict[str, str]:
    """Make what the route's path names, so that a request gets as far as it can."""
    return {name: make(name, owned) for name in route.ids if name not in NOT_OWNED}


@pytest.mark.parametrize("route", PLAIN, ids=str)
def test_no_header_breaks_a_route(route: Route, owned: OwnedResources) -> None:
    ids, headers = made(route, owned), owned.token_of(owned.owner, *ROLES)

    @bounded(10)
    @given(sent=st.dictionaries(st.sampled_from(EVERYWHERE), VALUES, min_size=1, max_size=4))
    def tried(sent: dict[str, bytes]) -> None:
        request = route.request(headers, **ids)
        usual = request.pop("headers").items()
        raw = {name.lower().encode(): value.encode() for name, value in usual}
        raw |= {name.lower().encode(): value for name, value in sent.items()}
        answer = client.request(**request, headers=list(raw.items()))
        # Who waits for a few milliseconds may well wait in vain.
        hurried = sent.get("X-Request-Timeout-Ms", b"").isdigit()
        in_vain = hurried and answer.status_code == httpx.codes.GATEWAY_TIMEOUT
        assert answer.status_code < 500 or in_vain, (sent, answer.text)

    with owned.shop.client(route.member.name) as client:
        tried()


@pytest.mark.parametrize(("route", "names"), QUERIES)
def test_no_query_breaks_a_route(route: Route, names: list[str], owned: OwnedResources) -> None:
    ids, headers = made(route, owned), owned.token_of(owned.owner, *ROLES)
    pairs = st.tuples(st.sampled_from(names), TEXTS)

    @bounded(25)
    @given(query=st.lists(pairs, min_size=1, max_size=4))
    def tried(query: list[tuple[str, str]]) -> None:
        request = route.request(headers, **ids)
        answer = client.request(**request, params=urlencode(query))
        assert answer.status_code < 500, (query, answer.text)

    with owned.shop.client(route.member.name) as client:
        tried()
