"""Outbox and inbox on a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr
from pymongo.errors import BulkWriteError, ConnectionFailure, DuplicateKeyError
from shop_servers.servers import Database as FreshDatabase

from shop_shared.messaging import mongo_events
from shop_shared.messaging.dispatch import LostRaceError
from shop_shared.messaging.events import EventPayload, event
from shop_shared.messaging.mongo_events import MongoInbox
from shop_shared.settings import ServiceSettings
from shop_shared.stores import mongo


class Created(EventPayload):
    type: ClassVar[str] = "minishop.product.created.v1"
    aggregate: ClassVar[str] = "product"
    name: str | None
    tags: list[str]


@pytest.fixture
async def client(mongodb_database: FreshDatabase) -> AsyncIterator[mongo.Client]:
    client = mongo.create_client(ServiceSettings(database_url=SecretStr(mongodb_database.url)))
    await mongo_events.migrate(client.get_default_database())
    yield client
    await client.close()


async def test_events_are_written_as_debezium_is_told_to_read_them(client: mongo.Client) -> None:
    database = client.get_default_database()
    written = event(Created(name=None, tags=[]), key="p1")
    async with mongo.transaction(client) as session:
        await mongo_events.publish(session, database, written)
    document = await database["outbox"].find_one()
    assert document is not None
    assert document["_id"] == str(written.id)
    assert document["payload"] == '{"name":null,"tags":[]}'
    assert (document["aggregatetype"], document["aggregateid"]) == ("product", "p1")
    assert document["time"].endswith("Z")


async def test_no_event_without_its_transaction(client: mongo.Client) -> None:
    database = client.get_default_database()

    async def fail() -> None:
        async with mongo.transaction(client) as session:
            await mongo_events.publish(
                session, database, event(Created(name="", tags=[]), key="p1")
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await database["outbox"].count_documents({}) == 0


async def test_an_event_is_new_once_a_group(client: mongo.Client) -> None:
    inbox = MongoInbox(client, client.get_default_database())
    async with inbox.transaction() as session:
        assert await inbox.insert_new(session, "a", ["1", "2", "2"]) == {"1", "2"}
    async with inbox.transaction() as session:
        assert await inbox.insert_new(session, "a", ["2", "3"]) == {"3"}
        assert await inbox.insert_new(session, "b", ["1"]) == {"1"}


async def test_of_two_consumers_of_one_event_one_has_it_and_one_tries_again(
    client: mongo.Client,
) -> None:
    inbox = MongoInbox(client, client.get_default_database())

    async def take() -> set[str]:
        while True:
            try:
                async with inbox.transaction() as session:
                    seen = await inbox.insert_new(session, "g", ["1", "2"])
                    await asyncio.sleep(0.02)
                    return seen
            except LostRaceError:
                continue

    first, second = await asyncio.gather(take(), take())
    assert sorted([first, second], key=len) == [set(), {"1", "2"}]


async def test_an_event_that_another_consumer_inserted_is_tried_again(
    client: mongo.Client,
) -> None:
    inbox = MongoInbox(client, client.get_default_database())

    class Blind(MongoInbox):
        """Does not see what is there, as a snapshot from before does not."""

        async def insert_new(self, tx: mongo.Session, group: str, ids: Sequence[str]) -> set[str]:
            self._inbox = _Unseen(self._inbox)  # type: ignore[assignment]  # find() sees nothing
            return await super().insert_new(tx, group, ids)

    async with inbox.transaction() as session:
        await inbox.insert_new(session, "g", ["1"])
    blind = Blind(client, client.get_default_database())
    with pytest.raises(LostRaceError):
        async with blind.transaction() as session:
            await blind.insert_new(session, "g", ["1", "2"])


class _Unseen:
    def __init__(self, collection: Any) -> None:
        self._collection = collection
        self.insert_many = collection.insert_many

    def find(self, _condition: Any, projection: Any, session: Any) -> Any:
        return self._collection.find({"_id": "nothing"}, projection, session=session)


async def test_of_two_transactions_at_one_document_the_later_has_lost_a_race(
    client: mongo.Client,
) -> None:
    inbox = MongoInbox(client, client.get_default_database())
    things = client.get_default_database()["things"]
    await things.insert_one({"_id": 1, "stock": 0})
    more = {"$inc": {"stock": 1}}
    async with inbox.transaction() as first:
        await things.update_one({"_id": 1}, more, session=first)
        with pytest.raises(LostRaceError):
            async with inbox.transaction() as second:
                await things.update_one({"_id": 1}, more, session=second)
    assert await things.find_one({"_id": 1}) == {"_id": 1, "stock": 1}


async def test_a_database_that_is_away_is_no_lost_race() -> None:
    nobody = SecretStr("mongodb://127.0.0.1:1/shop")
    client = mongo.create_client(ServiceSettings(database_url=nobody))
    inbox = MongoInbox(client, client.get_default_database())
    with pytest.raises(ConnectionFailure) as away:
        async with inbox.transaction() as session:
            await inbox.insert_new(session, "g", ["1"])
    assert inbox.is_temporary(away.value)
    await client.close()


async def test_a_duplicate_key_of_a_handler_is_not_taken_for_a_lost_race(
    client: mongo.Client,
) -> None:
    inbox = MongoInbox(client, client.get_default_database())
    things = client.get_default_database()["things"]
    await things.insert_one({"_id": 1})
    with pytest.raises(DuplicateKeyError) as one:
        async with inbox.transaction() as session:
            await things.insert_one({"_id": 1}, session=session)
    with pytest.raises(BulkWriteError) as many:
        async with inbox.transaction() as session:
            await things.insert_many([{"_id": 1}], session=session)
    assert not inbox.is_temporary(one.value)
    assert not inbox.is_temporary(many.value)


async def test_old_rows_go_and_new_ones_stay(client: mongo.Client) -> None:
    database = client.get_default_database()
    async with mongo.transaction(client) as session:
        created = event(Created(name="", tags=[]), key="p1")
        await mongo_events.publish(session, database, created)
    await database["outbox"].insert_one({"_id": "old", "time": "2020-01-01T00:00:00.000000Z"})
    assert await mongo_events.purge(database) == 1
    assert await database["outbox"].count_documents({}) == 1
