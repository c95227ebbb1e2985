"""Whatever text a field is sent, the answer is a problem that names it or what was asked for."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.bodies import VALID
from contract.owned_resources import OwnedResources, make
from contract.routes import ROLES, ROUTES, WITHOUT_JSON, Route
from contract.shop import Shop

WITH_JSON = [route for route in ROUTES if route.writes and str(route) not in WITHOUT_JSON]
READING = [
    route for route in ROUTES if route.method == "GET" and not route.path.endswith("/events")
]
ODD = [
    *("", " ", "\t", "\u00a0", "\u200b", "\ufeff", "\u2028", "\u0301", "\ud800", "\udfff\ud800"),
    *(
        "\x00",
        "\x1b[31m",
        "\u202e",
        "\u2066",
        "a\r\nBcc: x",
        "\x85",
        "\x7f",
        "\ufffe",
        "\U0010ffff",
    ),
    *(
        "e\u0301" * 150,
        "\u1e9e",
        "\u0130",
        "\ufb03",
        "\u0149",
        "\u1f88",
        "\U0001f468\u200d\U0001f33e",
    ),
    *(
        "0" * 500,
        "-0",
        "1e400",
        "NaN",
        "null",
        "../../etc",
        "%00",
        "{{7*7}}",
        "${7*7}",
        "<b>",
        "';--",
    ),
    *("01989f6a-0000-7000-8000-000000000001", "{01989F6A000070008000000000000001}", "urn:uuid:0"),
    *("2026-02-29T00:00:00Z", "2026-06-30T23:59:60Z", "0000-01-01T00:00:00Z", "20260101T000000Z"),
    *("9999-12-31T23:59:59.999999999-14:00", "1767225600", "24:00", "22:00:00.5", "22:00+01:00"),
    *("USD", "usd", "XXX", "GB", "gb", "+442079460000", "+4\u0664\u0664\u0664\u0664\u0664\u0664"),
    *("a@b", "a@xn--bcher-kva.example", "\uff41@example.com", "a@[127.0.0.1]", "a@" + "b." * 130),
    *("Etc/GMT+12", "posixrules", "../UTC", "en-US-u-ca-buddhist", "zh_Hant", "i-klingon"),
]
Place = tuple[str | int, ...]
TEXTS = st.one_of(st.sampled_from(ODD), st.text(max_size=60))


def places(value: object, above: Place = ()) -> Iterator[Place]:
    """Yield where in a body a string stands, and where an object's names do."""
    match value:
        case dict():
            for key, item in value.items():
                yield from places(item, (*above, key))
        case list():
            for index, item in enumerate(value):
                yield from places(item, (*above, index))
        case str():
            yield above


def spoiled(body: dict[str, Any], texts: Mapping[Place, str]) -> bytes:
    """Return the body as JSON with other texts; lone surrogates are escaped."""
    changed: Any = copy.deepcopy(body)
    for place, text in texts.items():
        container = changed
        for step in place[:-1]:
            container = container[step]
        container[place[-1]] = text
    return json.dumps(changed).encode()


@pytest.fixture(scope="module")
def owned(shop: Shop) -> OwnedResources:
    return OwnedResources(shop)


@pytest.mark.parametrize("route", WITH_JSON, ids=str)
def test_no_text_breaks_a_route(route: Route, owned: OwnedResources) -> None:
    """What its path names is there, so that what is sent gets as far as it can."""
    body = VALID[str(route)]
    where = list(places(body))
    ids = {name: make(name, owned) for name in route.ids}
    headers = owned.token_of(owned.owner, *ROLES)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(texts=st.dictionaries(st.sampled_from(where), TEXTS, min_size=1, max_size=3))
    def tried(texts: dict[Place, str]) -> None:
        request = route.request({**headers, "Content-Type": "application/json"}, **ids)
        request.pop("json")
        answer = client.request(**request, content=spoiled(body, texts))
        assert answer.status_code < 500, (texts, answer.text)
        if answer.status_code == 422:
            problem = answer.json()
            # A wrong code of a mail, say, is an answer of its own kind.
            assert problem.get("errors") or problem["code"] != "unprocessable", (texts, problem)

    with owned.shop.client(route.member.name) as client:
        if where:
            tried()
        # What was taken is read again, in lists too.
        for other in READING:
            if other.member is route.member and set(other.ids) <= ids.keys():
                read = client.request(**other.request(headers, **ids))
                assert read.status_code < 500, (other, read.text)
