"""The user service on a real PostgreSQL, called in process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from shop_servers.servers import Database
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.addresses import EXAMPLE
from shop_shared.http.app_state import get_state
from shop_shared.server import Service
from shop_shared.testing import Signer, client_of, said, wired
from shop_user import main
from shop_user.service.password_reset import send_next
from shop_user.settings import Settings
from shop_user.state import UserState

ADMIN = "root@example.com"
ADDRESS = {"label": "home", **EXAMPLE, "is_default": True}


class Person:
    """Someone with an account."""

    def __init__(self, user_id: UUID, email: str, headers: dict[str, str]) -> None:
        self.id = user_id
        self.email = email
        self.headers = headers


async def last_code(engine: AsyncEngine, user_id: UUID) -> str:
    _, payload = (await said(engine, user_id))[-1]
    return str(payload["code"])


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.fixture(scope="module")
def settings(postgres_module_database: Database) -> Settings:
    settings = Settings(
        database_url=SecretStr(postgres_module_database.url),
        admin_email=ADMIN,
        admin_password=SecretStr("root of the shop"),
    )
    main.migrate(settings)
    return settings


@pytest.fixture
async def service(settings: Settings, signer: Signer) -> AsyncIterator[Service]:
    async with wired(main.create(settings), signer) as service:
        yield service


@pytest.fixture
def engine(service: Service) -> AsyncEngine:
    return get_state(service.app, UserState).engine


@pytest.fixture
def send_codes(engine: AsyncEngine) -> Callable[[], Awaitable[None]]:
    """Work on the requests for a password's reset until none waits."""

    async def send_codes() -> None:
        while await send_next(engine):
            pass

    return send_codes


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(service) as http:
        yield http


@pytest.fixture
def registration() -> dict[str, Any]:
    return {
        "email": f"Ada.{uuid4().hex}@example.com",
        "password": "correct horse 1",
        "name": "Ada Lovelace",
        "locale": "en",
    }


@pytest.fixture
async def ada(
    http: httpx.AsyncClient, engine: AsyncEngine, signer: Signer, registration: dict[str, Any]
) -> Person:
    answer = await http.post("/v1/users", json=registration)
    assert answer.status_code == 202, answer.text
    async with engine.connect() as connection:
        user_id = await connection.scalar(
            sa.text("SELECT id FROM accounts WHERE email = :email"),
            {"email": registration["email"].lower()},
        )
    assert user_id is not None
    return Person(user_id, registration["email"].lower(), signer.headers(user_id, sid=str(uuid4())))


@pytest.fixture
def auth(signer: Signer) -> dict[str, str]:
    return signer.headers("auth", roles=["service"])
