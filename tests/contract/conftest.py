"""The services and their stores, once a run."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
import pytest_asyncio
from shop_servers.servers import MongoDB, Postgres, RabbitMQ, Redis

from contract.apps import Apps
from contract.shop import Shop
from contract.stores import Stores


@pytest.fixture(scope="session")
def stores(
    postgres: Postgres, mongodb: MongoDB, redis: Redis, rabbitmq: RabbitMQ
) -> Iterator[Stores]:
    stores = Stores(postgres, mongodb, redis, rabbitmq)
    yield stores
    stores.drop()


@pytest.fixture(scope="session")
def shop(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with ExitStack() as stack:
        yield Shop(stores, tmp_path_factory.mktemp("gateway"), stack)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def apps(shop: Shop) -> AsyncIterator[Apps]:
    apps = Apps(shop)
    yield apps
    await apps.close()
