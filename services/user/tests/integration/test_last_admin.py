"""A shop always keeps an administrator."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.testing import Signer


@pytest.fixture
async def admins(engine: AsyncEngine, http: httpx.AsyncClient, registration: Any) -> list[UUID]:
    """Two administrators, and no others."""
    for _ in range(2):
        email = f"{uuid4().hex}@example.com"
        await http.post("/v1/users", json={**registration, "email": email})
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE accounts SET roles = ARRAY['customer']"))
        made = await connection.execute(
            sa.text(
                "UPDATE accounts SET roles = ARRAY['admin', 'customer'] WHERE id IN"
                " (SELECT id FROM accounts WHERE status = 'active' ORDER BY id DESC LIMIT 2)"
                " RETURNING id"
            )
        )
        return list(made.scalars())


async def test_the_last_one_cannot_leave(
    http: httpx.AsyncClient, admins: list[UUID], signer: Signer
) -> None:
    one, two = (signer.headers(admin, roles=["admin"]) for admin in admins)
    assert (await http.delete("/v1/users/me", headers=one)).status_code == 204
    last = await http.delete("/v1/users/me", headers=two)
    assert (last.status_code, last.json()["code"]) == (409, "last_administrator")
    assert (await http.get("/v1/users/me", headers=two)).status_code == 200


@pytest.mark.parametrize("way", ["suspend", "demote", "delete", "leave"])
async def test_two_cannot_rid_the_shop_of_both(
    http: httpx.AsyncClient, engine: AsyncEngine, admins: list[UUID], signer: Signer, way: str
) -> None:
    one, two = admins

    async def end(by: UUID, who: UUID) -> int:
        headers = signer.headers(by, roles=["admin"])
        if way == "delete":
            return (await http.delete(f"/v1/users/{who}", headers=headers)).status_code
        if way == "leave":
            return (await http.delete("/v1/users/me", headers=headers)).status_code
        if way == "suspend":
            url = f"/v1/users/{who}/suspend"
            return (await http.post(url, headers=headers)).status_code
        url, body = f"/v1/users/{who}/roles", {"roles": ["customer"]}
        return (await http.put(url, json=body, headers=headers)).status_code

    statuses = await asyncio.gather(end(one, two), end(two, one))
    assert sorted(statuses) in ([200, 409], [204, 409])
    async with engine.connect() as connection:
        left = await connection.scalar(
            sa.text(
                "SELECT count(*) FROM accounts WHERE status = 'active' AND 'admin' = ANY(roles)"
            )
        )
    assert left == 1
