"""Which tokens auth itself stops counting. What is forged is tried on all services at once."""

import time
from typing import Any

import httpx
import pytest

from shop_auth.keys import KeyRing, new_pem
from shop_auth.settings import Settings
from shop_auth.state import AuthState
from shop_shared.http.app_state import get_state
from shop_shared.server import Service

CLAIMS = {
    "iss": "https://auth.minishop.dev",
    "aud": "minishop",
    "sub": "00000000-0000-0000-0000-000000000001",
    "roles": ["admin"],
    "scope": "",
    "sid": "s",
    "jti": "j",
}


def claims(**changes: Any) -> dict[str, Any]:
    at = int(time.time())
    return {**CLAIMS, "iat": at, "exp": at + 600, **changes}


@pytest.fixture
def ring(settings: Settings) -> KeyRing:
    assert settings.signing_keys is not None
    return KeyRing.from_pem(settings.signing_keys.get_secret_value())


async def status(http: httpx.AsyncClient, token: str) -> int:
    answer = await http.get("/v1/auth/sessions", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    return answer.status_code


async def test_a_good_token_counts(http: httpx.AsyncClient, ring: KeyRing) -> None:
    assert await status(http, ring.sign(claims())) == 200


async def test_a_revoked_session(http: httpx.AsyncClient, service: Service, ring: KeyRing) -> None:
    token = ring.sign(claims(sid="gone"))
    assert await status(http, token) == 200
    await get_state(service.app, AuthState).auth._sessions.end(str(CLAIMS["sub"]), "gone")
    assert await status(http, token) == 401


async def test_a_key_taken_out_of_the_ring(http: httpx.AsyncClient) -> None:
    assert await status(http, KeyRing.from_pem(new_pem()).sign(claims())) == 401
