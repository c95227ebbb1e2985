"""Two ShopServices that ask for one name in the same moment: one gets it, the other is told."""

import asyncpg
import pytest
from shop_servers.servers import MongoDB, Postgres

from shop_operator.api.cache import Cache
from shop_operator.api.write_gate import WriteGate
from shop_operator.metadata import Manifest
from shop_operator.spec import ShopService, parse
from shop_operator.stores.provisioner import Provisioner

from .command import manifest
from .outside import mongo, mongo_owner
from .shop import Shop


@pytest.fixture
def provisioner(sql: Shop, documents: Shop) -> Provisioner:
    """What an operator provisions with, of a shop with both stores."""
    assert sql is documents
    cache = Cache(sql.client, sql.platform, lambda *_: None)
    gate = WriteGate(cache, may_write=lambda: True)
    return Provisioner(client=sql.client, cache=cache, gate=gate, settings=sql.platform)


def services(shop: Shop, database: Manifest) -> tuple[ShopService, ShopService]:
    one, two = (parse(manifest(shop, each, database=database)) for each in ("one", "two"))
    return one, two


async def password_of_the_faster(
    provisioner: Provisioner, services: tuple[ShopService, ShopService]
) -> str:
    """Let both look before either makes anything; return the password that the first has."""
    one, two = services
    async with provisioner.open(one) as first, provisioner.open(two) as second:
        plans = await first.plan([]), await second.plan([])
        won, lost = await first.provision(plans[0]), await second.provision(plans[1])
    assert won.database_error is None
    assert won.access.owner is not None
    assert lost.database_error is not None
    assert lost.database_error.reason == "NotOwned"
    assert f"belongs to ShopService {one.key}" in str(lost.database_error)
    assert lost.access.owner is None
    return won.access.owner


async def test_a_database_in_postgresql(
    shop: Shop, provisioner: Provisioner, postgres: Postgres, name: str
) -> None:
    both = services(shop, {"kind": "postgres", "name": name})
    secret = await password_of_the_faster(provisioner, both)
    owner = await asyncpg.connect(postgres.url, user=name, password=secret, database=name)
    await owner.close()


async def test_a_database_in_mongodb(
    shop: Shop, provisioner: Provisioner, mongodb: MongoDB, name: str
) -> None:
    both = services(shop, {"kind": "mongodb", "name": name})
    secret = await password_of_the_faster(provisioner, both)
    async with mongo_owner(mongodb, name, secret) as owner:
        assert await owner[name].list_collection_names() == []
    async with mongo(mongodb) as admin:
        await admin[name].command("dropUser", name)
