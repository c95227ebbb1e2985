"""Signing out: the browser is signed out, whatever the API says."""

import time

import httpx
import pytest
from pydantic import SecretStr

from shop_shared.http.app_state import get_state
from shop_storefront.main import create
from shop_storefront.sessions import Tokens, User
from shop_storefront.settings import Settings
from shop_storefront.state import StorefrontState

ADA = User(id="ada", email="ada@example.com", name="Ada", roles=("customer",))


@pytest.mark.parametrize("left", [600, -600], ids=["by its token", "by a token that is to renew"])
async def test_who_signs_out_is_out_though_the_api_is_away(redis_url: str, left: int) -> None:
    told = {"redis_url": SecretStr(redis_url), "api_url": "http://127.0.0.1:1"}
    service = create(Settings.model_validate(told))
    sessions = get_state(service.app, StorefrontState).sessions
    begun = sessions.begin()
    await sessions.keep(begun)
    tokens = Tokens("access", "refresh", time.time() + left)
    session = await sessions.sign_in(begun, ADA, tokens)

    transport = httpx.ASGITransport(service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
        cookie = {"Cookie": f"minishop_session={session.id}"}
        answer = await http.post("/sign-out", data={"csrf": session.csrf}, headers=cookie)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert await sessions.load(session.id) is None
    for close in service.close:
        await close()
