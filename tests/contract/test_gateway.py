"""The gateway in front of all eight: its own routes, and bad input through it."""

import httpx
import pytest

from contract.bodies import VALID
from contract.owned_resources import OwnedResources, make
from contract.routes import ROLES, ROUTES, WITHOUT_JSON, Route
from contract.shop import Shop
from shop_shared.http.problems import MEDIA_TYPE
from shop_shared.testing import bad_requests

OWN = (
    "/",
    "/docs",
    "/openapi.json",
    "/v1/home",
    "/docs/reader/reader.css",
    "/docs/reader/reader.js",
    "/livez",
    "/readyz",
    "/metrics",
)
ROUTED = [route for route in ROUTES if not route.path.startswith("/internal")]
WRITING = [route for route in ROUTED if route.writes and str(route) not in WITHOUT_JSON]
# What is no JSON at all, or none that any route takes: the same for each, and small.
SPOILED = {"cut off", "not utf-8", "array", "null", "deep", "text", "form", "xml", "unknown field"}


@pytest.fixture(scope="module")
def owned(shop: Shop) -> OwnedResources:
    return OwnedResources(shop)


@pytest.mark.parametrize("path", OWN)
def test_its_own_pages_are_there_and_only_read(path: str, shop: Shop) -> None:
    with shop.client("gateway") as client:
        assert client.get(path, follow_redirects=True).status_code == 200
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            for content, statuses in ((b"", {405}), (b'{"a":', {415})):
                answer = client.request(method, path, content=content, headers={"X": "y" * 4000})
                assert answer.status_code in statuses, (method, answer.text)
                assert answer.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("order_id", ["x", "%00", "..%2f..", "1" * 300, "%F0%9F%92%A9", "{}"])
def test_a_summary_of_what_is_no_order(order_id: str, shop: Shop, owned: OwnedResources) -> None:
    with shop.client("gateway") as client:
        answer = client.get(
            f"/v1/orders/{order_id}/summary", headers=owned.token_of(owned.stranger)
        )
    assert answer.status_code in {404, 422}, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE


def test_a_summary_has_the_messages_of_its_order_only(shop: Shop, owned: OwnedResources) -> None:
    mine = owned.token_of(owned.owner)
    owned.hear(
        "notification", "user.updated", user_id=str(owned.owner_id), email=owned.owner, name="Ada"
    )
    orders = [make("order_id", owned) for _ in range(2)]
    for order in orders:
        owned.hear("notification", "order.expired", order_id=order, customer_id=str(owned.owner_id))
    summary = owned.call("gateway", "GET", f"/v1/orders/{orders[0]}/summary", mine)
    assert summary["complete"] is True
    told = summary["parts"]["notifications"]["data"]["items"]
    assert {item["order_id"] for item in told} == {orders[0]}


def test_its_document_has_every_routed_path_of_all(shop: Shop) -> None:
    with shop.client("gateway") as client:
        document = client.get("/openapi.json").json()
    assert "x-unavailable" not in document
    operations = {(path, method) for path, item in document["paths"].items() for method in item}
    assert operations == {(route.path, route.method.lower()) for route in ROUTED}


@pytest.mark.parametrize("route", WRITING, ids=str)
def test_spoiled_bodies_are_refused_through_it(
    route: Route, shop: Shop, owned: OwnedResources
) -> None:
    spoiled = [bad for bad in bad_requests(VALID[str(route)]) if bad.name in SPOILED]
    assert len(spoiled) == len(SPOILED)
    headers = owned.shop.headers(owned.owner_id, *ROLES)
    with shop.client("gateway") as client:
        for bad in spoiled:
            request = route.request({**headers, "Content-Type": bad.media_type})
            answer: httpx.Response = client.request(
                request["method"], request["url"], headers=request["headers"], content=bad.body
            )
            assert answer.status_code in bad.statuses | {404}, (bad.name, answer.text)
            assert answer.headers["content-type"] == MEDIA_TYPE, bad.name
