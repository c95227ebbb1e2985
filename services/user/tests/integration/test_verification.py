"""An address is proven by a code: tries, repeats and age of codes are bounded."""

import asyncio
from typing import Any

import httpx
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.testing import said

from .conftest import last_code, other_than


async def test_an_address_is_proven_by_its_code(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any
) -> None:
    url = "/v1/users/me/verifications"
    sent = await http.post(url, json={"channel": "email"}, headers=ada.headers)
    assert sent.status_code == 202
    code = await last_code(engine, ada.id)
    assert code not in sent.text

    async def confirm(code: str) -> int:
        answer = await http.post(
            f"{url}/confirm", json={"channel": "email", "code": code}, headers=ada.headers
        )
        return answer.status_code

    assert await confirm(other_than(code)) == 422
    assert await confirm(code) == 204
    assert await confirm(code) == 422
    assert (await said(engine, ada.id))[-1][0] == "verified"
    me = (await http.get("/v1/users/me", headers=ada.headers)).json()
    assert me["email_verified_at"] is not None
    again = await http.post(url, json={"channel": "email"}, headers=ada.headers)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_verify")


async def test_five_wrong_codes_spend_the_right_one(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any
) -> None:
    url = "/v1/users/me/verifications"
    await http.post(url, json={"channel": "email"}, headers=ada.headers)
    code = await last_code(engine, ada.id)

    async def confirm(code: str) -> int:
        answer = await http.post(
            f"{url}/confirm", json={"channel": "email", "code": code}, headers=ada.headers
        )
        return answer.status_code

    wrong = await asyncio.gather(*(confirm(other_than(code)) for _ in range(5)))
    assert wrong == [422] * 5
    assert await confirm(code) == 422


async def test_codes_are_sent_five_times_an_hour(http: httpx.AsyncClient, ada: Any) -> None:
    statuses = [
        (
            await http.post(
                "/v1/users/me/verifications", json={"channel": "email"}, headers=ada.headers
            )
        ).status_code
        for _ in range(6)
    ]
    assert statuses == [202] * 5 + [429]


async def test_an_old_code_does_not_count(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any
) -> None:
    await http.post("/v1/users/me/verifications", json={"channel": "email"}, headers=ada.headers)
    code = await last_code(engine, ada.id)
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE codes SET expires_at = now() - interval '1 s'"))
    late = await http.post(
        "/v1/users/me/verifications/confirm",
        json={"channel": "email", "code": code},
        headers=ada.headers,
    )
    assert (late.status_code, late.json()["code"]) == (422, "code_invalid")
