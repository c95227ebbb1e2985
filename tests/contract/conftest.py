"""The services and their stores, once a run."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from shop_servers.servers import MongoDB, Postgres, RabbitMQ, Redis

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
