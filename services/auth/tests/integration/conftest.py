"""The auth service on a real Redis, called in process, with a user service by hand."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from shop_auth import main
from shop_auth.consumers import subscriptions
from shop_auth.keys import new_pem
from shop_auth.settings import Settings
from shop_auth.state import AuthState
from shop_auth.users import Account
from shop_shared.http.app_state import get_state
from shop_shared.http.problems import TooManyRequests, Unavailable
from shop_shared.http.tokens import RedisRevocations
from shop_shared.messaging.subscriptions import handlers_of
from shop_shared.server import Service
from shop_shared.testing import client_of, heard, wired

ADA = UUID(int=1)


class KnownUsers:
    """A user service that knows Ada, and whose password is right."""

    def __init__(self) -> None:
        self.status = "active"
        self.roles: tuple[str, ...] = ("customer",)
        self.asked = 0
        self.password = "correct horse 1"
        self.changed_at: datetime | None = None
        self.version: int | None = 1
        self.pause = 0.0
        self.is_away = False
        self.is_busy = False

    async def verify(self, email: str, password: str) -> Account | None:
        self.asked += 1
        known = self.version
        await asyncio.sleep(self.pause)
        if self.is_away:
            raise Unavailable("away")
        if self.is_busy:
            raise TooManyRequests("busy", retry_after=1)
        if (email, password) != ("ada@example.com", self.password):
            return None
        return Account(
            user_id=ADA, email=email, roles=self.roles, status=self.status, version=known
        )

    async def password_changed_at(self, email: str) -> datetime | None:
        return self.changed_at if email == "ada@example.com" else None


Json = dict[str, Any]


GRANT = {"grant_type": "password", "email": "ada@example.com", "password": "correct horse 1"}


async def sign_in(http: httpx.AsyncClient) -> Json:
    answer = await http.post("/v1/auth/token", json=GRANT)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    tokens: Json = answer.json()
    return tokens


async def refresh(http: httpx.AsyncClient, tokens: Json) -> httpx.Response:
    return await http.post("/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})


def bearer(tokens: Json) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def signed_in(http: httpx.AsyncClient, tokens: Json) -> bool:
    answer = await http.get("/v1/auth/sessions", headers=bearer(tokens))
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def auth_of(service: Service) -> Any:
    return get_state(service.app, AuthState).auth


async def hear(service: Service, type_: str, **data: object) -> None:
    name = type_.removeprefix("minishop.").removesuffix(".v1")
    event = heard(name, ADA, {"user_id": ADA, **data})
    await handlers_of(subscriptions(auth_of(service)._sessions))[type_](None, event)


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(
        redis_url=SecretStr(redis_url),
        signing_keys=SecretStr(new_pem()),
        # SHA-256 of "s3cret".
        service_clients={
            "order": "1ec1c26b50d5d3c58d9583181af8076655fe00756bf7285940ba3670f99fcba0"
        },
    )


@pytest.fixture
def users() -> KnownUsers:
    return KnownUsers()


@pytest.fixture
async def service(
    settings: Settings, users: KnownUsers, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    # Redis is at hand, however busy the machine.
    monkeypatch.setattr(RedisRevocations, "patience_closed_seconds", 60)
    service = main.create(settings)
    auth: Any = get_state(service.app, AuthState).auth
    auth._users = users
    async with wired(service):
        yield service


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(service) as http:
        yield http
