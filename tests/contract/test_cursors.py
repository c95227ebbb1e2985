"""Whatever is sent as a list's cursor, the answer is a page or a 422 that names the cursor."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.apps import Apps
from contract.routes import ROLES
from contract.services import SERVICES, Member
from contract.shop import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")


def encoded(parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


def _lists() -> Iterator[Any]:
    """Every route with a cursor, once for each of its sorts."""
    for member in SERVICES.values():
        document = member.openapi
        for path, operations in document["paths"].items():
            parameters = operations.get("get", {}).get("parameters", ())
            names = {parameter["name"]: parameter for parameter in parameters}
            if "cursor" not in names:
                continue
            schema = names.get("sort", {}).get("schema", {})
            values = [value for each in schema.get("anyOf", ()) for value in each.get("enum", ())]
            for sort in values or [None]:
                query = {} if sort is None else {"sort": sort}
                if sort == "relevance":
                    query["q"] = "mug"
                yield pytest.param(member, path, query, id=f"{member} {path} {sort or ''}".strip())


LISTS = list(_lists())
ID = "01989f6a-0000-7000-8000-00000000000a"
TIMES = ["2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "now"]
PARTS: st.SearchStrategy[object] = st.one_of(
    st.integers(-(2**70), 2**70),
    st.sampled_from(["99999999999999999999", 2**63, -(2**63) - 1, 1.5, None, True, [], {}]),
    st.sampled_from([*TIMES, "nan", "inf", "-Infinity", "1e400", "\0", "\u2028", "$ne", ID, "x"]),
    st.text(max_size=20).filter(lambda text: text.isprintable()),
)
CURSORS = st.one_of(
    st.lists(PARTS, max_size=4).map(encoded),
    PARTS.map(lambda part: encoded([part, ID])),
    PARTS.map(encoded),
    st.text(min_size=1, max_size=40),
    st.sampled_from(["W10", "e30", "bnVsbA", "====", "!!!!", "A" * 1000, encoded([ID]) + "="]),
)


@pytest.fixture
def headers(shop: Shop) -> Mapping[str, str]:
    return shop.headers(UUID(int=7), *ROLES)


async def test_there_are_lists() -> None:
    assert len(LISTS) > 5


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cursor=CURSORS)
@pytest.mark.parametrize(("member", "path", "query"), LISTS)
async def test_a_cursor_is_a_page_or_a_422(  # noqa: PLR0913 - keyword-only, each a fixture
    *,
    member: Member,
    path: str,
    query: dict[str, str],
    apps: Apps,
    headers: Mapping[str, str],
    cursor: str,
) -> None:
    url = path.format_map(dict.fromkeys(("product_id", "order_id", "user_id", "payment_id"), ID))
    async with apps.client(member) as client:
        answer = await client.get(url, params={**query, "cursor": cursor}, headers=headers)
    assert_page_or_named(answer)


def assert_page_or_named(answer: httpx.Response) -> None:
    if answer.status_code == 422:
        pointers = {error["pointer"] for error in answer.json()["errors"]}
        assert pointers <= {"/query/cursor", "/query"}, pointers  # a NUL is no query of anything
    else:
        assert answer.status_code in {200, 404}, answer.text
