"""HEAD wherever GET is, at each service and through the gateway (RFC 9110, 9.3.2)."""

import pytest

from contract.owned_resources import OwnedResources, make
from contract.routes import ROUTES, Route
from contract.shop import Shop

GETS = [route for route in ROUTES if route.method == "GET"]
PAGES = ("/livez", "/readyz", "/startupz", "/metrics", "/openapi.json", "/asyncapi.json")
NOT_OWNED = {"number", "token"}
"""What a path names that is nobody's: any will do, or none."""
VOLATILE = {"date", "age", "ratelimit", "ratelimit-policy", "content-length", "transfer-encoding"}


@pytest.fixture(scope="module")
def owned(shop: Shop) -> OwnedResources:
    return OwnedResources(shop)


@pytest.mark.parametrize("route", GETS, ids=str)
def test_head_has_the_status_and_the_headers_of_get(route: Route, owned: OwnedResources) -> None:
    ids = {name: make(name, owned) for name in route.ids if name not in NOT_OWNED}
    headers = owned.token_of(owned.owner, *route.roles) | {"Accept-Encoding": "identity"}
    fronts = [route.member.name]
    if not route.path.startswith(("/internal", "/.well-known")):
        fronts.append("gateway")
    for front in fronts:
        with owned.shop.client(front) as client:
            request = route.request(headers, **ids)
            for name in ("If-Match", "Idempotency-Key"):
                request["headers"].pop(name)
            with client.stream(**request) as got:
                assert got.status_code != 405
            asked = client.request(**request | {"method": "HEAD"})
        assert (asked.status_code, asked.content) == (got.status_code, b"")
        for name in got.headers.keys() - VOLATILE:
            assert asked.headers.get_list(name) == got.headers.get_list(name), (front, name)
        assert len(asked.headers.get_list("date")) == 1


@pytest.mark.parametrize("service", ["user", "product", "order", "notification"])
def test_the_pages_of_a_service_too(service: str, shop: Shop) -> None:
    with shop.client(service) as client:
        for path in PAGES:
            assert client.head(path).status_code == client.get(path).status_code == 200, path
