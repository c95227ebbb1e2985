"""Each answer has the headers that its document names, and of those that matter no others."""

import pytest

from contract.owned_resources import OwnedResources, make
from contract.routes import ROUTES, Route
from contract.shop import Shop

THAT_MATTER = {
    "content-disposition",
    "etag",
    "idempotent-replayed",
    "location",
    "retry-after",
    "www-authenticate",
}
AT_TIMES = {"idempotent-replayed"}
NOT_OWNED = {"number", "provider", "token"}
"""What a path names that is nobody's: any will do, or none."""


@pytest.fixture(scope="module")
def everybodys(shop: Shop) -> OwnedResources:
    return OwnedResources(shop)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_an_answer_has_the_headers_that_its_document_names(
    route: Route, shop: Shop, everybodys: OwnedResources
) -> None:
    # Accounts are suspended and deleted here.
    owned = OwnedResources(shop) if route.member.name == "user" else everybodys
    ids = {name: make(name, owned) for name in route.ids if name not in NOT_OWNED}
    documented = route.member.openapi["paths"][route.path][route.method.lower()]["responses"]
    with shop.client(route.member.name) as client:
        for token in ({}, owned.token_of(owned.owner, *route.roles)):
            with client.stream(**route.request(token, **ids)) as answer:
                sent = THAT_MATTER & answer.headers.keys()
            named = documented[str(answer.status_code)].get("headers", {})
            declared = {name.lower() for name in named}
            assert declared - AT_TIMES <= sent <= declared, (answer.status_code, sent, declared)
