"""Whatever is sent to whichever route that writes, the answer is a problem that says why."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from contract.apps import Apps
from contract.bodies import VALID
from contract.routes import ROLES, ROUTES, WITHOUT_JSON, Route
from contract.shop import Shop
from shop_shared.testing import BadRequest, assert_refused, bad_requests

pytestmark = pytest.mark.asyncio(loop_scope="module")

# The thing is looked up first, and is not there.
LOOKS_UP_FIRST = {"payment POST /v1/payments/{payment_id}/refunds"}
# Bad for most routes, fine for these: units can go, too.
FINE = {("product POST /v1/products/{product_id}/inventory/adjustments", "delta: negative")}
WRITING = [route for route in ROUTES if route.writes]
WITH_JSON = [route for route in WRITING if str(route) not in WITHOUT_JSON]


@pytest.fixture
def headers(shop: Shop) -> Mapping[str, str]:
    return {**shop.headers(UUID(int=7), *ROLES), "Idempotency-Key": uuid4().hex}


@pytest.mark.parametrize("route", WITH_JSON, ids=str)
async def test_the_body_to_be_spoiled_is_good(
    route: Route, apps: Apps, headers: Mapping[str, str]
) -> None:
    async with apps.client(route.member) as client:
        answer = await client.request(
            route.method, route.url(), json=VALID[str(route)], headers=headers
        )
    assert answer.status_code < 500, answer.text
    assert answer.status_code not in {400, 413, 415}, answer.text
    assert not answer.content or "errors" not in answer.json(), answer.text


@pytest.mark.parametrize("route", WITH_JSON, ids=str)
async def test_spoiled_bodies_are_refused(
    route: Route, apps: Apps, headers: Mapping[str, str]
) -> None:
    async with apps.client(route.member) as client:
        for bad in bad_requests(VALID[str(route)]):
            spared = bad.name == "empty object" and route.takes_nothing
            if spared or (str(route), bad.name) in FINE:
                continue
            await assert_refused(
                client, route.method, route.url(), _expected(bad, route), headers=headers
            )


def _expected(bad: BadRequest, route: Route) -> BadRequest:
    if str(route) in LOOKS_UP_FIRST:
        return replace(bad, statuses=bad.statuses | {404})
    return bad


@pytest.mark.parametrize("route", WRITING, ids=str)
async def test_ten_megabytes_are_too_large(
    route: Route, apps: Apps, headers: Mapping[str, str]
) -> None:
    is_import = route.path.endswith("/import")
    media_type = "application/x-ndjson" if is_import else "application/json"
    size = (16 if is_import else 10) * 1024 * 1024 + 1
    too_large = BadRequest("too large", b" " * size, media_type, frozenset({413}))
    async with apps.client(route.member) as client:
        await assert_refused(client, route.method, route.url(), too_large, headers=headers)
