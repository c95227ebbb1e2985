"""What the user service's answers mean to who signs in."""

import httpx
import pytest

from shop_auth.users import Users
from shop_shared.http.problems import Problem, TooManyRequests, Unavailable


async def token() -> str:
    return "a service's token"


@pytest.mark.parametrize(
    ("status", "meant"), [(429, TooManyRequests), (503, Unavailable), (500, Unavailable)]
)
async def test_a_busy_user_service_is_not_a_broken_one(status: int, meant: type[Problem]) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json={"code": "x"}))
    async with httpx.AsyncClient(transport=transport, base_url="http://user") as client:
        users = Users(client, token)
        with pytest.raises(meant):
            await users.verify("ada@example.com", "correct horse 1")
        with pytest.raises(meant):
            await users.password_changed_at("ada@example.com")
