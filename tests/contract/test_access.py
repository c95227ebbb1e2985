"""Who may call what: each route of each service, without a token, with too little, with another's.

Derived from the OpenAPI documents: a new route is in the matrix by itself, and fails it until it
is guarded; one whose path names a thing that nothing here can make fails too.
"""

import pytest

from contract.owned_resources import OwnedResources, make
from contract.routes import PUBLIC, ROUTES, Route
from contract.shop import Shop
from shop_shared.http.problems import MEDIA_TYPE

GUARDED = [route for route in ROUTES if str(route) not in PUBLIC]
FOR_SOME = [route for route in GUARDED if route.roles]
OBJECTS = [route for route in GUARDED if route.ids and not route.roles]


@pytest.fixture(scope="module")
def owned(shop: Shop) -> OwnedResources:
    return OwnedResources(shop)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_a_route_says_whether_it_asks_for_a_token(route: Route) -> None:
    assert route.has_token is (str(route) not in PUBLIC)


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_without_a_token_the_answer_is_401(route: Route, shop: Shop) -> None:
    with shop.client(route.member.name) as client:
        answer = client.request(**route.request({}))
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", FOR_SOME, ids=str)
def test_with_a_role_too_little_the_answer_is_403(route: Route, owned: OwnedResources) -> None:
    """A customer's token for staff's routes, staff's for admins'; on resources that exist."""
    ids = {name: make(name, owned) for name in route.ids}
    for role in {"customer", "staff", "service"} - route.roles:
        with owned.shop.client(route.member.name) as client:
            answer = client.request(**route.request(owned.token_of(owned.stranger, role), **ids))
        assert answer.status_code == 403, (role, answer.text)
        assert answer.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("route", OBJECTS, ids=str)
def test_another_users_things_are_not_there(route: Route, owned: OwnedResources) -> None:
    ids = {name: make(name, owned) for name in route.ids}
    with owned.shop.client(route.member.name) as client:
        for caller in (owned.stranger, owned.owner):
            request = route.request(owned.token_of(caller), **ids)
            with client.stream(**request) as answer:
                if caller == owned.stranger:
                    answer.read()
                    assert answer.status_code == 404, answer.text
                    assert answer.headers["content-type"] == MEDIA_TYPE
                else:
                    # It is there: its owner is let in, or told something else than 404.
                    assert answer.status_code not in {401, 404} | set(range(500, 600))
