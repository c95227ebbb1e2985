"""The services' stores, once a module."""

from collections.abc import Iterator

import pytest
from shop_servers.servers import MongoDB, Postgres, RabbitMQ, Redis

from contract.stores import Stores
from shop_shared.testing import Signer


@pytest.fixture(scope="module")
def stores(
    postgres: Postgres, mongodb: MongoDB, redis: Redis, rabbitmq: RabbitMQ
) -> Iterator[Stores]:
    stores = Stores(postgres, mongodb, redis, rabbitmq)
    yield stores
    stores.drop()


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()
