"""The notification service on real PostgreSQL and RabbitMQ, sending to the real mailbox."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from pydantic import SecretStr
from shop_servers.databases import create_vhost, drop_vhost
from shop_servers.servers import Database, RabbitMQ

from mailbox_sink import main as mailbox_main
from mailbox_sink import smtp
from mailbox_sink.box import Box, Kept
from mailbox_sink.settings import Settings as MailboxSettings
from shop_notification import main
from shop_notification.consumers import SUBSCRIPTIONS
from shop_notification.settings import Settings
from shop_notification.state import NotificationState
from shop_shared.http.app_state import get_state
from shop_shared.messaging.subscriptions import handlers_of
from shop_shared.server import Service
from shop_shared.stores import migrations
from shop_shared.stores.postgres import transaction
from shop_shared.testing import Signer, heard, served, wired

HANDLERS = handlers_of(SUBSCRIPTIONS)
PATIENCE = 60.0


class Tap:
    """A TCP proxy in front of a server that can be shut, as if the server were away."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.accepted = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def shut(self) -> None:
        self._open = False
        for writer in self._writers:
            writer.transport.abort()

    def open(self) -> None:
        self._open = True

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        self.accepted += 1
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, far_writer}
        await asyncio.gather(
            _pipe(reader, far_writer), _pipe(far_reader, writer), return_exceptions=True
        )
        self._writers -= {writer, far_writer}
        for end in (writer, far_writer):
            end.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture(scope="module")
def vhost(rabbitmq: RabbitMQ) -> Iterator[str]:
    url = create_vhost(rabbitmq.url, rabbitmq.management_url)
    yield url
    drop_vhost(url, rabbitmq.management_url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tap(vhost: str) -> AsyncIterator[Tap]:
    url = httpx.URL(vhost)
    tap = Tap((url.host, url.port or 5672))
    server = await tap.start()
    yield tap
    tap.shut()
    server.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mailbox() -> AsyncIterator[tuple[Box, str, int]]:
    mailbox_settings = MailboxSettings(host="127.0.0.1", smtp_port=0)
    service = mailbox_main.create(mailbox_settings)
    box: Box = service.app.state.box
    mail = await smtp.serve(box, mailbox_settings)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        async with served(service.app, listener) as url:
            yield box, url, mail.sockets[0].getsockname()[1]
    mail.close()


@pytest.fixture(scope="module")
def settings(
    postgres_module_database: Database, mailbox: tuple[Box, str, int], vhost: str, tap: Tap
) -> Settings:
    _, url, smtp_port = mailbox
    settings = Settings(
        database_url=SecretStr(postgres_module_database.url),
        rabbitmq_url=SecretStr(str(httpx.URL(vhost).copy_with(host="127.0.0.1", port=tap.port))),
        relay_interval_seconds=0.02,  # what is due again
        retry_first_seconds=0.1,
        retry_most_seconds=0.2,
        max_attempts=3,
        smtp_host="127.0.0.1",
        smtp_port=smtp_port,
        smtp_username="minishop",
        smtp_password=SecretStr("mailbox-development"),
        sms_base_url=f"{url}/sms",
        push_base_url=f"{url}/push",
    )
    migrations.run(settings, "shop_notification")
    return settings


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(settings: Settings, signer: Signer) -> AsyncIterator[Service]:
    async with wired(main.create(settings), signer, background=True) as service:
        yield service


class Post:
    """What a test does to the notification service, and sees of it."""

    def __init__(self, service: Service, box: Box, tap: Tap) -> None:
        self.engine = get_state(service.app, NotificationState).engine
        self.box = box
        self.tap = tap
        self.user = uuid4()
        self.address = f"{self.user.hex}@example.com"

    async def hear(self, name: str, /, *, event_id: str | None = None, **data: object) -> str:
        """Let the service hear an event about this user."""
        about = {"user_id": self.user, "order_id": uuid4(), "customer_id": self.user}
        event = heard(name, self.user, about | data, event_id=event_id)
        async with transaction(self.engine) as connection:
            await HANDLERS[event.type](connection, event)
        return event.id

    async def know(self, *, locale: str = "en", phone: str | None = None) -> None:
        """Let the service know the user, without a welcome."""
        await self.hear("user.updated", email=self.address, name="Ada", locale=locale, phone=phone)

    def got(self, channel: str = "email", to: str | None = None) -> list[Kept]:
        return self.box.find(channel=channel, to=to or self.address)

    async def until(self, count: int, channel: str = "email", to: str | None = None) -> list[Kept]:
        """Wait until so many have come and nothing is on its way; patient while more come."""
        seen = 0
        async with asyncio.timeout(PATIENCE) as patience:
            while (now := len(self.got(channel, to))) < count:
                if now > seen:
                    seen = now
                    patience.reschedule(asyncio.get_running_loop().time() + PATIENCE)
                await asyncio.sleep(0.02)
        await self.settled()
        assert len(self.got(channel, to)) == count
        return self.got(channel, to)

    async def settled(self) -> None:
        """Wait until nothing of this user's is on its way."""
        async with asyncio.timeout(PATIENCE):
            while set(await self.statuses()) & {"pending", "queued", "sending", "retrying"}:
                await asyncio.sleep(0.02)

    async def statuses(self) -> list[str]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(
                sa.text("SELECT status FROM notifications WHERE user_id = :id ORDER BY id"),
                {"id": self.user},
            )
            return list(rows.scalars())

    async def outcomes(self, channel: str = "email") -> list[str]:
        """What came of each attempt, first to last."""
        rows = await self.rows(
            "SELECT outcome FROM attempts JOIN notifications ON id = notification_id"
            " WHERE user_id = :user AND channel = :channel ORDER BY number",
            channel=channel,
        )
        return [row[0] for row in rows]

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with transaction(self.engine) as connection:
            result = await connection.execute(sa.text(statement), {"user": self.user, **values})
            return list(result) if result.returns_rows else []


@pytest.fixture
def post(service: Service, mailbox: tuple[Box, str, int], tap: Tap) -> Post:
    return Post(service, mailbox[0], tap)


@pytest.fixture
def with_broker(
    settings: Settings, signer: Signer, mailbox: tuple[Box, str, int], tap: Tap
) -> Callable[..., AbstractAsyncContextManager[Post]]:
    """Run the service with another broker, and other settings."""

    @asynccontextmanager
    async def with_broker(url: str, **changes: object) -> AsyncIterator[Post]:
        changed = {"rabbitmq_url": SecretStr(url), **changes}
        service = main.create(settings.model_copy(update=changed))
        async with wired(service, signer, background=True):
            yield Post(service, mailbox[0], tap)

    return with_broker


@pytest.fixture
def someone() -> UUID:
    return uuid4()
