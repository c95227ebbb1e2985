"""Who may ask what: services, customers, nobody without keys or Redis."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from shop_auth import main
from shop_auth.settings import Settings
from shop_auth.state import AuthState
from shop_shared.http.app_state import get_state
from shop_shared.testing import assert_refused, bad_requests

from .conftest import ADA, GRANT, Json, auth_of, bearer, sign_in


async def test_a_service_signs_in_with_its_secret(http: httpx.AsyncClient) -> None:
    grant = {"grant_type": "client_credentials", "client_id": "order", "client_secret": "s3cret"}
    tokens = (await http.post("/v1/auth/token", json=grant)).json()
    assert tokens["refresh_token"] is None
    person = await sign_in(http)
    seen = await http.post(
        "/v1/auth/introspect", json={"token": person["access_token"]}, headers=bearer(tokens)
    )
    assert (seen.json()["active"], seen.json()["sub"]) == (True, str(ADA))
    await http.post("/v1/auth/logout", headers=bearer(person))
    seen = await http.post(
        "/v1/auth/introspect", json={"token": person["access_token"]}, headers=bearer(tokens)
    )
    assert seen.json() == {"active": False} | {
        name: None for name in seen.json() if name != "active"
    }
    for wrong in ({"client_secret": "guess"}, {"client_id": "payment"}):
        assert (await http.post("/v1/auth/token", json={**grant, **wrong})).status_code == 401


async def test_introspection_is_not_for_customers(http: httpx.AsyncClient) -> None:
    tokens = await sign_in(http)
    answer = await http.post("/v1/auth/introspect", json={"token": "x"}, headers=bearer(tokens))
    assert answer.status_code == 403


async def test_one_may_ask_about_oneself_only(http: httpx.AsyncClient, users: Any) -> None:
    tokens = await sign_in(http)

    async def ask(subject: UUID, roles: list[str] | None, by: Json) -> httpx.Response:
        question: Json = {
            "subject": {"id": str(subject)} | ({"roles": roles} if roles is not None else {}),
            "action": "refund",
            "resource": {"type": "payment", "owner_id": str(ADA)},
        }
        return await http.post("/v1/auth/authorize", json=question, headers=bearer(by))

    assert (await ask(ADA, ["customer"], tokens)).json()["decision"] == "deny"
    assert (await ask(ADA, None, tokens)).json()["decision"] == "deny"
    # Nobody claims a role that their token does not have.
    for claimed in (["admin"], ["customer", "staff"], ["service"]):
        assert (await ask(ADA, claimed, tokens)).status_code == 403
    assert (await ask(UUID(int=2), ["customer"], tokens)).status_code == 403
    users.roles = ("customer", "staff")
    staff = await sign_in(http)
    assert (await ask(ADA, None, staff)).json()["decision"] == "allow"
    assert (await ask(ADA, ["admin"], staff)).status_code == 403
    assert (await ask(UUID(int=2), ["staff"], staff)).status_code == 403
    users.roles = ("admin",)
    admin = await sign_in(http)
    assert (await ask(UUID(int=2), ["staff"], admin)).json()["decision"] == "allow"
    assert (await ask(UUID(int=2), None, admin)).status_code == 422


async def test_bad_input(http: httpx.AsyncClient) -> None:
    for bad in bad_requests(GRANT):
        await assert_refused(http, "POST", "/v1/auth/token", bad)


async def test_without_redis_nobody_gets_in(settings: Settings, users: Any) -> None:
    away = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1")})
    service = main.create(away)
    auth_of(service)._users = users
    token = await auth_of(service)._issuer.access_token(str(ADA), roles=["customer"], sid="s")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(service.app), base_url="http://auth"
    ) as http:
        for answer in (
            await http.post("/v1/auth/token", json=GRANT),
            await http.post("/v1/auth/refresh", json={"refresh_token": "a.b"}),
            await http.get("/v1/auth/sessions", headers=headers),
            await http.post("/v1/auth/logout", headers=headers),
        ):
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await http.get("/readyz")).status_code == 503
        assert (await http.get("/livez")).status_code == 200
    for close in service.close:
        await close()


async def test_replicas_in_development_agree_on_a_key(redis_url: str) -> None:
    settings = Settings(redis_url=SecretStr(redis_url), environment="development")
    replicas = [main.create(settings) for _ in range(2)]
    one, two = [await get_state(replica.app, AuthState).keys.jwks() for replica in replicas]
    assert one == two
    for replica in replicas:
        for close in replica.close:
            await close()


def test_production_wants_keys() -> None:
    with pytest.raises(ValueError, match="SIGNING_KEYS"):
        Settings(redis_url=SecretStr("redis://x"))
