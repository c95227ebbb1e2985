"""A real API server with the real CRDs, one for a run; an operator and namespaces for each test."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
import structlog
from shop_servers import databases
from shop_servers.instance import free_port
from shop_servers.servers import Kafka, MongoDB, Postgres, RabbitMQ, Redis

from shop_cluster.control_plane import ControlPlane, control_plane
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.metadata import Manifest
from shop_operator.settings import Settings

from .audit import audit_flags
from .crds import ROOT, install, real_crds
from .outside import Sql, administrators, logins
from .rotations import Stores
from .shop import Shop


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """Have the log's tracebacks plain: drawing them took a tenth of the time of all tests."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


@pytest.fixture(scope="session", autouse=True)
def documents_read_once() -> Iterator[None]:
    """Read each OpenAPI document once: its URL ends with its hash, and every operator reads all."""
    read, known = ApiClient.read, dict[str, Manifest]()

    async def read_once(client: ApiClient, path: str) -> Manifest:
        if "?hash=" not in path:
            return await read(client, path)
        if path not in known:
            known[path] = await read(client, path)
        return known[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ApiClient, "read", read_once)
        yield


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("plane")
    with control_plane(folder, api_server_flags=audit_flags(folder)) as running:
        install(running, [*real_crds(), ROOT / "crds" / "shopservice.yaml"])
        yield running


@pytest.fixture
async def shop(
    plane: ControlPlane,
    redis: Redis,
    rabbitmq: RabbitMQ,
    kafka: Kafka,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Shop]:
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    name = f"t{secrets.token_hex(4)}"
    platform = Settings(
        namespaces=(name,),
        operator_namespace=f"{name}-platform",
        platform_namespace=f"{name}-platform",
        kafka_namespace=f"{name}-platform",
        kafka_bootstrap=kafka.bootstrap_servers,
        lease_seconds=6,
        edge="gateway-api",
        **logins(redis, rabbitmq),
    )
    plane.kubectl("create", "namespace", name)
    plane.kubectl("create", "namespace", f"{name}-platform")
    async with ApiClient(connection.login) as client:
        found = Shop(client, platform)
        await administrators(found, redis, rabbitmq)
        try:
            yield found
        finally:
            await found.stop()
            await asyncio.to_thread(databases.drop_users, redis, rabbitmq, f"{name}-")


@pytest.fixture
async def sql(shop: Shop, postgres: Postgres) -> Shop:
    """A shop whose PostgreSQL is the running one."""
    at = urlsplit(postgres.url)
    await shop.secret("postgres-admin", at.username or "", at.password or "")
    address = f"{at.hostname}:{at.port}"
    shop.platform = shop.platform.model_copy(update={"postgres_address": address})
    return shop


@pytest.fixture
async def documents(shop: Shop, mongodb: MongoDB) -> Shop:
    """A shop whose MongoDB is the running one."""
    at = urlsplit(mongodb.url)
    await shop.secret("mongodb-admin", at.username or "", at.password or "")
    shop.platform = shop.platform.model_copy(update={"mongodb_address": mongodb.server})
    return shop


@pytest.fixture
async def name(shop: Shop, postgres: Postgres) -> AsyncIterator[str]:
    """A name for databases, whose remains in PostgreSQL are removed once the operator stopped."""
    found = f"d{secrets.token_hex(4)}"
    yield found
    await shop.stop()
    await Sql(postgres).drop(found)


@pytest.fixture
def closed_port() -> int:
    """Return a port that nobody listens on."""
    return free_port()


@pytest.fixture
def stores(postgres: Postgres, redis: Redis, rabbitmq: RabbitMQ) -> Stores:
    return Stores(postgres, redis, rabbitmq)
