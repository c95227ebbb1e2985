"""The pytest plugin: a fixture a server, and fresh databases and names for each test.

The kept set is used when it is up; otherwise the run gets a set of its own, which all xdist workers
share and which ends with the run. What the collected tests need begins to start, in parallel, once
the collection is done.
"""

import os
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from shop_servers.packages import locked
from shop_servers.promtool import Promtool, installed
from shop_servers.server_set import ServerSet, kept
from shop_servers.servers import (
    SERVERS,
    BaoNamespace,
    Connect,
    Database,
    Kafka,
    MongoDB,
    OpenBao,
    Postgres,
    RabbitMQ,
    Redis,
)

OWNER = "SHOP_SERVERS_OWNER"
"""Set for xdist's workers: the process id of the test run."""
OWN = pytest.StashKey[ServerSet]()
BREAKABLE = pytest.StashKey[ServerSet]()


def pytest_configure(config: pytest.Config) -> None:
    """Name the run's own set; the run's first process owns it, workers inherit the name."""
    is_worker = hasattr(config, "workerinput")
    if not is_worker:
        os.environ[OWNER] = str(os.getpid())
    owner = int(os.environ[OWNER])
    state = Path(tempfile.gettempdir()) / f"minishop-servers-of-{owner}"
    config.stash[OWN] = ServerSet(state=state, owner=owner)
    config.stash[BREAKABLE] = ServerSet(state=state.with_name(f"{state.name}-broken"), owner=owner)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what will be needed, without waiting."""
    if session.config.option.collectonly:
        return
    used = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if wanted := sorted(used & SERVERS):
        _shared(session.config).prepare(*wanted)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run's own set."""
    if not hasattr(config, "workerinput"):
        config.stash[OWN].down()
        config.stash[BREAKABLE].down()
        for left in config.stash[OWN].state.parent.glob(f"{config.stash[OWN].state.name}*"):
            left.unlink()


def _databases() -> ModuleType:
    # It imports four client libraries, which a run without servers shouldn't wait for.
    return import_module("shop_servers.databases")


def _shared(config: pytest.Config) -> ServerSet:
    return kept() if kept().is_up() else config.stash[OWN]


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> ServerSet:
    """The set that this run shares with others: ask it for facts, never break what is in it."""
    return _shared(pytestconfig)


@pytest.fixture
def breakable(pytestconfig: pytest.Config) -> Iterator[ServerSet]:
    """The set for tests that break servers: of this run only, and of one test at a time.

    The next test asks for what it needs, which starts again what was killed.
    """
    own = pytestconfig.stash[BREAKABLE]
    with locked(own.state.with_suffix(".turn")):
        yield own


@pytest.fixture(scope="session")
def postgres(servers: ServerSet) -> Postgres:
    """A running PostgreSQL."""
    return Postgres(**servers.need("postgres")["postgres"])


@pytest.fixture(scope="session")
def mongodb(servers: ServerSet) -> MongoDB:
    """A running MongoDB."""
    return MongoDB(**servers.need("mongodb")["mongodb"])


@pytest.fixture(scope="session")
def redis(servers: ServerSet) -> Redis:
    """A running Redis."""
    return Redis(**servers.need("redis")["redis"])


@pytest.fixture(scope="session")
def rabbitmq(servers: ServerSet) -> RabbitMQ:
    """A running RabbitMQ."""
    return RabbitMQ(**servers.need("rabbitmq")["rabbitmq"])


@pytest.fixture(scope="session")
def kafka(servers: ServerSet) -> Kafka:
    """A running Kafka broker."""
    return Kafka(**servers.need("kafka")["kafka"])


@pytest.fixture(scope="session")
def connect(servers: ServerSet) -> Connect:
    """A running Kafka Connect with Debezium."""
    return Connect(**servers.need("connect")["connect"])


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Run promtool: its words, and how it ended and what it said."""
    return installed()


@pytest.fixture(scope="session")
def openbao(pytestconfig: pytest.Config) -> OpenBao:
    """A running OpenBao, always of this run: it starts in a second."""
    return OpenBao(**pytestconfig.stash[OWN].need("openbao")["openbao"])


@pytest.fixture
def bao_namespace(openbao: OpenBao) -> Iterator[BaoNamespace]:
    """An empty namespace in OpenBao for this test."""
    namespace = _databases().create_bao_namespace(openbao)
    yield namespace
    _databases().drop_bao_namespace(namespace)


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[Database]:
    """An empty PostgreSQL database for this test."""
    database = _databases().create_postgres(postgres.url)
    yield database
    _databases().drop_postgres(database, postgres.url)


@pytest.fixture(scope="module")
def postgres_module_database(postgres: Postgres) -> Iterator[Database]:
    """A PostgreSQL database that the tests of a module share."""
    database = _databases().create_postgres(postgres.url)
    yield database
    _databases().drop_postgres(database, postgres.url)


@pytest.fixture
def mongodb_database(mongodb: MongoDB) -> Iterator[Database]:
    """An empty MongoDB database for this test."""
    database = _databases().create_mongodb(mongodb.url)
    yield database
    _databases().drop_mongodb(database, mongodb.url)


@pytest.fixture(scope="module")
def mongodb_module_database(mongodb: MongoDB) -> Iterator[Database]:
    """A MongoDB database that the tests of a module share."""
    database = _databases().create_mongodb(mongodb.url)
    yield database
    _databases().drop_mongodb(database, mongodb.url)


@pytest.fixture
def redis_url(redis: Redis) -> str:
    """The URL of an empty Redis database for this test."""
    url: str = _databases().create_redis(redis.url)
    return url


@pytest.fixture
def rabbitmq_url(rabbitmq: RabbitMQ) -> Iterator[str]:
    """The AMQP URL of an empty virtual host for this test."""
    url = _databases().create_vhost(rabbitmq.url, rabbitmq.management_url)
    yield url
    _databases().drop_vhost(url, rabbitmq.management_url)
