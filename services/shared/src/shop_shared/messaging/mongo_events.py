"""Outbox and inbox in MongoDB: collections, written in the transaction of the effect."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from pymongo.errors import BulkWriteError, PyMongoError

from shop_shared.clock import now
from shop_shared.messaging import event_metrics
from shop_shared.messaging.dispatch import LostRaceError
from shop_shared.messaging.events import CONTENT_TYPE, SPEC_VERSION, Event
from shop_shared.stores.mongo import (
    Client,
    Database,
    Session,
    is_lost_race,
    is_temporary,
    transaction,
)

OUTBOX_KEEP = timedelta(days=1)
INBOX_KEEP = timedelta(days=14)
DUPLICATE_KEY = 11000


async def publish(session: Session, database: Database, *events: Event) -> None:
    """Write the events to the collection `outbox`, in this order, in the session's transaction.

    The payload is a JSON *string*: so it arrives on Kafka as written.
    """
    if events:
        await database["outbox"].insert_many(
            [_document(event) for event in events], session=session
        )
        event_metrics.count_published(events)


async def purge(
    database: Database, *, outbox_keep: timedelta = OUTBOX_KEEP, inbox_keep: timedelta = INBOX_KEEP
) -> int:
    """Delete old outbox and inbox documents and return how many."""
    outbox = await database["outbox"].delete_many({"time": {"$lt": _rfc3339(now() - outbox_keep)}})
    inbox = await database["inbox"].delete_many({"received_at": {"$lt": now() - inbox_keep}})
    return outbox.deleted_count + inbox.deleted_count


async def migrate(database: Database) -> None:
    """Make the collections `outbox` and `inbox` with their indexes, where they are missing."""
    existing = set(await database.list_collection_names())
    for name, field in (("outbox", "time"), ("inbox", "received_at")):
        if name not in existing:
            await database.create_collection(name)
        await database[name].create_index(field)


class MongoInbox:
    """What a consumer group has seen, in the collection `inbox` (see `dispatch.Inbox`)."""

    def __init__(self, client: Client, database: Database) -> None:
        self._client = client
        self._inbox = database["inbox"]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Begin a transaction of the client. Raises LostRaceError (see `dispatch.Inbox`)."""
        try:
            async with transaction(self._client) as session:
                yield session
        except PyMongoError as error:
            if is_lost_race(error):
                raise LostRaceError("another transaction changed a document of this one") from error
            raise

    async def insert_new(self, tx: Session, group: str, ids: Sequence[str]) -> set[str]:
        """Insert those ids that are missing: a duplicate key would end the transaction.

        Raises LostRaceError where another consumer inserted one between look and insert.
        """
        keys = {f"{group}:{event_id}": event_id for event_id in ids}
        seen = self._inbox.find({"_id": {"$in": list(keys)}}, {"_id": 1}, session=tx)
        async for document in seen:
            del keys[document["_id"]]
        if keys:
            at = now()
            documents = [{"_id": key, "received_at": at} for key in keys]
            try:
                await self._inbox.insert_many(documents, session=tx)
            except BulkWriteError as error:
                codes = {each["code"] for each in error.details["writeErrors"]}
                if codes != {DUPLICATE_KEY}:
                    raise
                raise LostRaceError("another consumer has just inserted the event") from error
        return set(keys.values())

    def is_temporary(self, error: BaseException) -> bool:
        """See `mongo.is_temporary`. A handler's own DuplicateKeyError is not: it is a bug."""
        return is_temporary(error)


def _document(event: Event) -> dict[str, Any]:
    return {
        "_id": str(event.id),
        "aggregatetype": event.aggregate,
        "aggregateid": event.key,
        "type": event.type,
        "payload": event.payload.decode(),
        "source": event.source,
        "specversion": SPEC_VERSION,
        "datacontenttype": CONTENT_TYPE,
        "time": _rfc3339(event.time),
        "traceparent": event.traceparent,
    }


def _rfc3339(time: datetime) -> str:
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
