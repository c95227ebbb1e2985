"""The services that an order passes, as processes, on databases with their connectors."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import orjson
from shop_servers import databases
from shop_servers.instance import Facts, free_port

from shop_event_path import topics
from shop_event_path.connectors import connectors
from shop_event_path.outboxes import Outbox, create_mongodb, create_postgres
from shop_product.migrations import schema
from shop_shared.settings import ServiceSettings
from shop_shared.stores import migrations, mongo
from shop_shared.testing import Signer

TOPICS = ("order", "inventory", "payment", "shipment", "product", "user")
WITHIN = 300
"""Seconds for a process to be ready, on a busy machine."""


@dataclass(frozen=True)
class Shop:
    """Where the services listen: `urls` of one process each, `replicas` of all of them.

    `outboxes` are the services' databases.
    """

    urls: Mapping[str, str]
    replicas: Mapping[str, Sequence[str]]
    outboxes: Mapping[str, Outbox]
    processes: "Processes"
    """Of the services; the provider of payments and the mailbox stay, as they are others'."""

    @property
    def databases(self) -> Mapping[str, str]:
        """The names of the services' databases."""
        return {name: outbox.name for name, outbox in self.outboxes.items()}


class Processes:
    """Processes that are ended and started together."""

    def __init__(self, programs: Sequence[tuple[str, Mapping[str, str]]]) -> None:
        self._programs = programs
        self._running = AsyncExitStack()

    async def start(self) -> None:
        """Start all, and return when they are ready. Raises TimeoutError."""
        for name, environment in self._programs:
            await self._running.enter_async_context(_process(name, environment))
        ports = (environment["PORT"] for _, environment in self._programs)
        await asyncio.gather(*(_ready(f"http://127.0.0.1:{port}") for port in ports))

    async def end(self) -> None:
        """End all by SIGTERM, and return when they are gone."""
        await self._running.aclose()


@asynccontextmanager
async def shop(
    facts: Mapping[str, Facts],
    *,
    signer: Signer,
    environment: Mapping[str, str],
    twice: Collection[str] = (),
) -> AsyncIterator[Shop]:
    """Run order, product, payment, shipping and notification until the context ends.

    Those named in `twice` run as two processes each, on one database and in one consumer group.

    Facts: of postgres, mongodb, redis, rabbitmq and connect. Signer: of the tokens they take.
    They end by SIGTERM, so that what they have still to say is said. Raises TimeoutError.
    """
    bootstrap = facts["connect"]["bootstrap_servers"]
    ports = {name: free_port() for name in (*_OWN, "payment-simulator", "mailbox", "smtp")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    settings = _settings(urls, smtp_port=ports["smtp"])
    common = {
        **environment,
        "HOST": "127.0.0.1",
        "LOG_LEVEL": "warning",
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
    }
    outboxes: dict[str, Outbox] = {}
    replicas = {name: [urls[name]] for name in _OWN}
    async with AsyncExitStack() as stack:
        common["JWKS_URL"] = stack.enter_context(_published_keys(signer))
        # Another shop on these servers would read of orders that it never had.
        stack.push_async_callback(topics.drop, bootstrap, *(f"{topic}.events" for topic in TOPICS))
        for topic in TOPICS:
            await topics.create(bootstrap, f"{topic}.events")
        for name in ("order", "payment", "shipping", "notification", "product"):
            outbox = await stack.enter_async_context(_database(name, facts))
            assert outbox.settings.database_url is not None
            settings[name]["DATABASE_URL"] = outbox.settings.database_url.get_secret_value()
            outboxes[name] = outbox
        vhost = databases.create_vhost(
            facts["rabbitmq"]["url"], facts["rabbitmq"]["management_url"]
        )
        stack.callback(databases.drop_vhost, vhost, facts["rabbitmq"]["management_url"])
        settings["notification"]["RABBITMQ_URL"] = vhost
        programs = {
            name: {**common, **own, "PORT": str(ports[name])} for name, own in settings.items()
        }
        own_programs = [(name, programs[name]) for name in _OWN]
        for name in twice:
            port = str(free_port())
            replicas[name].append(f"http://127.0.0.1:{port}")
            own_programs.append((name, {**programs[name], "PORT": port}))
        others = Processes([(name, programs[name]) for name in programs if name not in _OWN])
        processes = Processes(own_programs)
        for each in (others, processes):
            stack.push_async_callback(each.end)
        await asyncio.gather(others.start(), processes.start())
        yield Shop(urls, replicas, outboxes, processes)


@contextmanager
def _published_keys(signer: Signer) -> Iterator[str]:
    """Return the URL of a file with the keys of tokens."""
    with TemporaryDirectory() as folder:
        keys = Path(folder, "jwks.json")
        keys.write_bytes(orjson.dumps(signer.jwks()))
        yield keys.as_uri()


_OWN = ("order", "product", "payment", "shipping", "notification")


def _settings(urls: Mapping[str, str], *, smtp_port: int) -> dict[str, dict[str, str]]:
    simulator = urls["payment-simulator"]
    return {
        "order": {},
        "product": {},
        "payment": {
            "STRIPE_BASE_URL": f"{simulator}/stripe",
            "STRIPE_API_KEY": "sk_test_minishop",
            "STRIPE_WEBHOOK_SECRET": "whsec_minishop",
        },
        "shipping": {
            "CARRIER_DISPATCH_SECONDS": "0",
            "CARRIER_TRANSIT_SECONDS": "0",
            "CARRIER_DELIVERY_SECONDS": "0",
        },
        "notification": {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(smtp_port)},
        "payment-simulator": {
            "OWN_URL": simulator,
            "PAGE_URL": simulator,
            "WEBHOOK_URL": f"{urls['payment']}/v1/webhooks",
        },
        "mailbox": {"SMTP_PORT": str(smtp_port)},
    }


@asynccontextmanager
async def _database(name: str, facts: Mapping[str, Facts]) -> AsyncIterator[Outbox]:
    bootstrap = facts["connect"]["bootstrap_servers"]
    outbox: Outbox
    if name == "product":
        outbox = await create_mongodb(facts["mongodb"]["url"], bootstrap, migrate=_migrate_product)
    else:
        migrate = partial(migrations.upgrade, package=f"shop_{name}")
        outbox = await create_postgres(facts["postgres"]["url"], bootstrap, migrate=migrate)
    async with connectors(facts["connect"]["url"]) as api:
        speaks = name != "notification"
        if speaks:
            await api.start(outbox)
        yield outbox
        if speaks:
            await api.delete(outbox)
    await outbox.drop()


async def _migrate_product(settings: ServiceSettings) -> None:
    async with mongo.create_client(settings) as client:
        await schema.migrate(client.get_default_database())


@asynccontextmanager
async def _process(name: str, environment: Mapping[str, str]) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig", "KILL", "--"),
        Path(sys.executable).with_name(f"shop-{name}"),
        env={"PATH": os.environ["PATH"], **environment},
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def _ready(url: str) -> None:
    deadline = time.monotonic() + WITHIN
    async with httpx.AsyncClient(base_url=url, timeout=10) as client:
        while True:
            try:
                if (await client.get("/readyz")).is_success:
                    return
            except httpx.TransportError:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(url)
            await asyncio.sleep(0.2)
