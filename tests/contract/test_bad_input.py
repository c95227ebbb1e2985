"""Whatever is sent to whichever route that writes, the answer is a problem that says why."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from contract.bodies import VALID
from contract.services import SERVICES, Member
from contract.stores import Stores
from shop_shared.problems import MEDIA_TYPE
from shop_shared.server import Service
from shop_shared.testing import BadRequest, Signer, assert_refused, bad_requests

pytestmark = pytest.mark.asyncio(loop_scope="module")

# All that anyone may call; a route that is neither here nor asks for a token fails the test below.
PUBLIC = {
    "user POST /v1/users",
    "user POST /v1/users/password-resets",
    "user POST /v1/users/password-resets/confirm",
    "auth POST /v1/auth/token",
    "auth POST /v1/auth/refresh",
    "payment POST /v1/webhooks/{provider}",
}
WITHOUT_JSON = {
    "user POST /v1/users/{user_id}/suspend",
    "user POST /v1/users/{user_id}/reinstate",
    "auth POST /v1/auth/logout",
    "product POST /v1/products/import",
    "order POST /v1/orders/{order_id}/cancel",
    "payment POST /v1/webhooks/{provider}",
    "notification POST /v1/notifications/{notification_id}/retry",
}
# The thing is looked up first, and is not there.
LOOKS_UP_FIRST = {"payment POST /v1/payments/{payment_id}/refunds"}
# Bad for most routes, fine for these: units can go, too.
FINE = {("product POST /v1/products/{product_id}/inventory/adjustments", "delta: negative")}
ROLES = ("customer", "staff", "admin", "service")


@dataclass(frozen=True)
class Route:
    """A route that writes."""

    member: Member
    method: str
    path: str
    takes_nothing: bool
    """Whether {} is a body of it."""

    def __str__(self) -> str:
        return f"{self.member} {self.method} {self.path}"

    @property
    def url(self) -> str:
        ids = {"provider": "stripe"}
        parts = (part.strip("{}") for part in self.path.split("/") if part.startswith("{"))
        return self.path.format(**{name: ids.get(name, str(uuid4())) for name in parts})


def _routes() -> list[Route]:
    found = []
    for member in SERVICES.values():
        document = member.create().app.openapi()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if method in {"post", "put", "patch"}:
                    content = operation.get("requestBody", {}).get("content", {})
                    schema = content.get("application/json", {}).get("schema", {})
                    name = schema.get("$ref", "").rpartition("/")[2]
                    model = document["components"]["schemas"].get(name, {"required": ["?"]})
                    found.append(Route(member, method.upper(), path, not model.get("required")))
    return found


ROUTES = _routes()
WITH_JSON = [route for route in ROUTES if str(route) not in WITHOUT_JSON]


@dataclass
class Apps:
    """The services in this process, on real stores; each made when first called."""

    stores: Stores
    signer: Signer
    services: dict[str, Service] = field(default_factory=dict)

    def client(self, member: Member) -> httpx.AsyncClient:
        """Return a client of a service, to be closed."""
        if member.name not in self.services:
            self.services[member.name] = self.stores.create(member, self.signer.verifier())
        transport = httpx.ASGITransport(self.services[member.name].app)
        return httpx.AsyncClient(transport=transport, base_url="http://shop")

    async def close(self) -> None:
        for service in self.services.values():
            for close in service.close:
                await close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def apps(stores: Stores, signer: Signer) -> AsyncIterator[Apps]:
    apps = Apps(stores, signer)
    yield apps
    await apps.close()


@pytest.fixture
def headers(signer: Signer) -> Mapping[str, str]:
    caller = UUID(int=7)
    return {**signer.headers(caller, ROLES, sid=str(caller)), "Idempotency-Key": uuid4().hex}


@pytest.mark.parametrize("route", WITH_JSON, ids=str)
async def test_the_body_to_be_spoiled_is_good(
    route: Route, apps: Apps, headers: Mapping[str, str]
) -> None:
    async with apps.client(route.member) as client:
        answer = await client.request(
            route.method, route.url, json=VALID[str(route)], headers=headers
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
                client, route.method, route.url, _expected(bad, route), headers=headers
            )


def _expected(bad: BadRequest, route: Route) -> BadRequest:
    if str(route) in LOOKS_UP_FIRST:
        return replace(bad, statuses=bad.statuses | {404})
    return bad


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_ten_megabytes_are_too_large(
    route: Route, apps: Apps, headers: Mapping[str, str]
) -> None:
    is_import = route.path.endswith("/import")
    media_type = "application/x-ndjson" if is_import else "application/json"
    size = (16 if is_import else 10) * 1024 * 1024 + 1
    too_large = BadRequest("too large", b" " * size, media_type, frozenset({413}))
    async with apps.client(route.member) as client:
        await assert_refused(client, route.method, route.url, too_large, headers=headers)


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_without_a_token_the_answer_is_401(route: Route, apps: Apps) -> None:
    body = VALID.get(str(route))
    async with apps.client(route.member) as client:
        answer = await client.request(route.method, route.url, json=body)
    if str(route) in PUBLIC:
        assert answer.status_code < 500, answer.text
        return
    assert answer.status_code == (415 if route.path.endswith("/import") and body else 401)
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["www-authenticate"].startswith("Bearer")
