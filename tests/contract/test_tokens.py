"""Tokens that must not count, in every service: forged (RFC 8725), expired, of an ended session."""

import time

import httpx
import pytest

from contract.owned_resources import PASSWORD, OwnedResources
from contract.routes import ROUTES, Route
from contract.services import SERVICES
from contract.shop import Shop
from shop_shared.http.problems import MEDIA_TYPE
from shop_shared.testing import FORGERIES
from shop_shared.testing.forgeries import good

# A route a service that a good token opens, whoever's it is.
OF_SERVICE = {
    name: next(r for r in ROUTES if r.member.name == name and r.has_token and r.method == "GET")
    for name in SERVICES
}
PATIENCE_SECONDS = 60


def answer_to(token: str, route: Route, shop: Shop) -> httpx.Response:
    request = route.request({})
    header = (b"Authorization", b"Bearer " + token.encode())
    with shop.client(route.member.name) as client:
        return client.request(request["method"], request["url"], headers=[header])


@pytest.mark.parametrize("service", SERVICES)
def test_what_forgeries_are_made_of_counts(service: str, shop: Shop) -> None:
    answer = answer_to(good(shop.signer), OF_SERVICE[service], shop)
    assert answer.status_code in {200, 404}, answer.text


@pytest.mark.parametrize("service", SERVICES)
def test_forgeries_are_refused(service: str, shop: Shop) -> None:
    for name, forge in FORGERIES.items():
        answer = answer_to(forge(shop.signer), OF_SERVICE[service], shop)
        assert answer.status_code == 401, (name, answer.text)
        assert answer.headers["content-type"] == MEDIA_TYPE, name
        assert answer.headers["www-authenticate"].endswith('error="invalid_token"'), name


@pytest.mark.parametrize("service", SERVICES)
def test_the_token_of_an_ended_session_is_refused(service: str, shop: Shop) -> None:
    owned = OwnedResources(shop)
    tokens = owned.sign_in(owned.owner)
    token = tokens["access_token"]
    route = OF_SERVICE[service]
    assert answer_to(token, route, shop).status_code in {200, 403, 404}
    owned.call("auth", "POST", "/v1/auth/logout", {"Authorization": f"Bearer {token}"})
    # Where Redis is slow to answer for once, a service lets in: what counts is that it asks.
    until = time.monotonic() + PATIENCE_SECONDS
    while (answer := answer_to(token, route, shop)).status_code != 401:
        assert time.monotonic() < until, answer.text
    assert PASSWORD not in answer.text
