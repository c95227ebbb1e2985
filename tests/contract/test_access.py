"""Who may call what: each route of each service, without a token, with too little, with another's.

Derived from the routes and the policies: a new route is in the matrix by itself, and fails it until
it asks for a right; one whose path names a thing that nothing here can make fails too.
"""

from uuid import uuid4

import pytest

from contract.owned_resources import OwnedResources, make
from contract.routes import PUBLIC, ROLES, ROUTES, Route
from contract.shop import Shop
from shop_shared.http.policies import policies, roles_for
from shop_shared.http.problems import MEDIA_TYPE

GUARDED = [route for route in ROUTES if str(route) not in PUBLIC]
# They pass the caller's token on to the services that decide.
ELSEWHERE = {"gateway GET /v1/orders/{order_id}/summary"}
DECIDED = [route for route in GUARDED if str(route) not in ELSEWHERE]
OBJECTS = [
    route
    for route in GUARDED
    if route.ids and (str(route) in ELSEWHERE or "customer" in route.roles)
]


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


@pytest.mark.parametrize("route", DECIDED, ids=str)
def test_a_route_asks_for_a_right_that_a_policy_gives(route: Route) -> None:
    assert route.right is not None
    resource, action = route.right.split(":")
    assert route.roles == set(roles_for(action, resource))


def test_no_policy_is_about_what_no_route_does() -> None:
    # Public routes ask for nothing, and show inactive products to those who have the right.
    asked = {route.right for route in DECIDED} | {"product:read", "inactive_product:read"}
    assert asked == {
        f"{resource}:{action}"
        for policy in policies()
        for action in policy.actions
        for resource in policy.resources
    }


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("route", DECIDED, ids=str)
def test_each_role_may_do_what_the_policies_say(
    route: Route, role: str, owned: OwnedResources
) -> None:
    """A role without the right meets 403 even at what is there; one with it, never that 403."""
    if role in route.roles:
        request = route.request(owned.shop.headers(uuid4(), role))
    else:
        ids = {name: make(name, owned) for name in route.ids}
        request = route.request(owned.token_of(owned.stranger, role), **ids)
    with owned.shop.client(route.member.name) as client:
        answer = client.request(**request)
    # Wrong credentials in the body are another 401.
    assert answer.status_code != 401 or answer.json()["code"] == "invalid_credentials"
    forbidden = answer.status_code == 403 and answer.json()["code"] == "forbidden"
    assert forbidden is (role not in route.roles), (role, answer.status_code, answer.text)


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
