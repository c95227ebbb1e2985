"""One mailbox, one account, one address that is written to; accounts from before are moved over."""

from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.stores import migrations, postgres
from shop_shared.testing import said
from shop_user.settings import Settings

VERIFY = "/internal/v1/credentials:verify"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Zoe@b\u00fccher.example", "zoe@xn--bcher-kva.example"),
        ("jose\u0301@example.org", "JOS\u00c9@Example.org"),
        ("Max@EXAMPLE.org", "max@example.org"),
    ],
)
async def test_spellings_are_one_account(  # noqa: PLR0913, PLR0917 - fixtures
    http: httpx.AsyncClient,
    engine: AsyncEngine,
    registration: dict[str, Any],
    auth: dict[str, str],
    first: str,
    second: str,
) -> None:
    for email in (first, second):
        answer = await http.post("/v1/users", json={**registration, "email": email})
        assert answer.status_code == 202
    seen = []
    for email in (first, second):
        body = {"email": email, "password": registration["password"]}
        seen.append((await http.post(VERIFY, json=body, headers=auth)).json())
    assert seen[0] == seen[1]
    [(_, registered), *_] = await said(engine, seen[0]["user_id"])
    assert registered["email"] == seen[0]["email"]
    assert registered["email"].partition("@")[2].isascii()


@pytest.mark.parametrize("email", ["a\u0001b@example.com", "=?utf-8?q?victim?=@corp.example"])
async def test_what_mail_cannot_reach_is_refused(
    http: httpx.AsyncClient, registration: dict[str, Any], email: str
) -> None:
    answer = await http.post("/v1/users", json={**registration, "email": email})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/email"


OLD = {
    1: ("Ada@Example.com", "ada@example.com", False),
    2: ("zoe@b\u00fccher.example", "zoe@b\u00fccher.example", False),
    3: ("Zoe@xn--bcher-kva.example", "zoe@xn--bcher-kva.example", True),
    4: ("a\u0001b@example.com", "a\u0001b@example.com", False),
    5: ("stra\u00dfe@example.com", "strasse@example.com", False),
    6: ("plain@example.com", "plain@example.com", True),
}


async def test_accounts_from_before_are_moved_over(
    postgres_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(database_url=SecretStr(postgres_database.url))
    await migrations.upgrade(settings, "shop_user", "0001")
    engine = postgres.create_engine(settings)
    async with engine.begin() as connection:
        for number, (email, key, is_verified) in OLD.items():
            await connection.execute(
                sa.text(
                    "INSERT INTO accounts VALUES (:id, :email, :key, 'N', NULL, 'en', 'h',"
                    " ARRAY['customer'], 'active', CASE WHEN :verified THEN now() END, NULL, 1,"
                    " now(), now())"
                ),
                {"id": UUID(int=number), "email": email, "key": key, "verified": is_verified},
            )
    await migrations.upgrade(settings, "shop_user")
    async with engine.connect() as connection:
        rows = await connection.execute(
            sa.text("SELECT id, email, email_key, version FROM accounts ORDER BY id")
        )
        found = {row.id.int: (row.email, row.email_key, row.version) for row in rows}
    assert found == {
        1: ("ada@example.com", "ada@example.com", 2),
        2: ("zoe@b\u00fccher.example", "zoe@b\u00fccher.example", 1),
        3: ("zoe@xn--bcher-kva.example", "zoe@xn--bcher-kva.example", 2),
        4: ("a\u0001b@example.com", "a\u0001b@example.com", 1),
        5: ("stra\u00dfe@example.com", "stra\u00dfe@example.com", 2),
        6: ("plain@example.com", "plain@example.com", 1),
    }
    assert (await said(engine, UUID(int=1)))[0][1]["email"] == "ada@example.com"
    assert await said(engine, UUID(int=6)) == []
    reported = capsys.readouterr().err
    assert str(UUID(int=2)) in reported
    assert str(UUID(int=4)) in reported
    await engine.dispose()
