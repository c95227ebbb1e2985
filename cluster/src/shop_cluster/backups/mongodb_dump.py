"""Documents of MongoDB to files and back: BSON one after the other, as mongodump writes them."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, cast

from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure, PyMongoError

from shop_cluster.backups.catalogue import Collection
from shop_cluster.backups.cut import Client
from shop_cluster.errors import ClusterError

_LENGTH: Final = struct.Struct("<i")  # BSON specification 1.1: a document begins with its length
_SMALLEST: Final = 5
_BATCH: Final = 1000
_MADE_ALWAYS: Final = "_id_"
_TOO_OLD: Final = 239  # SnapshotTooOld


async def dump(
    client: Client,
    session: AsyncClientSession,
    database: str,
    listed: Mapping[str, Any],
    folder: Path,
) -> Collection:
    """Write a collection's documents as the session's snapshot has them. Raises ClusterError."""
    name = listed["name"]
    if listed["type"] == "view":
        return Collection(name=name, options=listed["options"], indexes=(), documents=0, file="")
    file = folder / "mongodb" / database / f"{name}.bson"
    file.parent.mkdir(parents=True, exist_ok=True)
    documents = 0
    try:
        collection = client[database][name]
        indexes = [dict(each) async for each in await collection.list_indexes()]
        with file.open("wb") as target:
            async for found in collection.find_raw_batches({}, session=session):
                batch = cast("bytes", found)  # PyMongo's types have a document here
                target.write(batch)
                documents += len(list(_lengths(batch)))
    except OperationFailure as error:
        if error.code == _TOO_OLD:
            raise ClusterError(
                "MongoDB forgot the moment of the cut before all was read: raise its parameter"
                " minSnapshotHistoryWindowInSeconds, and try again"
            ) from error
        raise ClusterError(f"MongoDB, {database}.{name}: {error}") from error
    except PyMongoError as error:
        raise ClusterError(f"MongoDB, {database}.{name}: {error}") from error
    return Collection(
        name=name,
        options=listed["options"],
        indexes=[each for each in indexes if each["name"] != _MADE_ALWAYS],
        documents=documents,
        file=str(file.relative_to(folder)),
    )


async def load(
    client: Client, database: str, collections: Sequence[Collection], folder: Path
) -> None:
    """Make a database's collections, with documents in their order of before, and its indexes.

    Raises ClusterError.
    """
    # Views last: they are of the others.
    for found in sorted(collections, key=lambda each: not each.file):
        try:
            await client[database].command({"create": found.name, **found.options})
            if found.file:
                await _load(client, database, found, folder / found.file)
            if found.indexes:
                indexes = [{k: v for k, v in each.items() if k != "ns"} for each in found.indexes]
                await client[database].command("createIndexes", found.name, indexes=indexes)
        except PyMongoError as error:
            raise ClusterError(f"MongoDB, {database}.{found.name}: {error}") from error


async def _load(client: Client, database: str, found: Collection, file: Path) -> None:
    collection: AsyncCollection[Any] = client[database][found.name]
    with file.open("rb") as source:
        documents = _documents(source)
        while batch := list(islice(documents, _BATCH)):
            # A validator may be newer than the documents that it stands over.
            await collection.insert_many(batch, ordered=True, bypass_document_validation=True)
    count = await collection.count_documents({})
    if count != found.documents:
        raise ClusterError(
            f"MongoDB, {database}.{found.name}: {count} documents are there, of {found.documents}"
        )


def _lengths(batch: bytes) -> Iterator[int]:
    at = 0
    while at < len(batch):
        [length] = _LENGTH.unpack_from(batch, at)
        yield length
        at += length


def _documents(source: IO[bytes]) -> Iterator[RawBSONDocument]:
    while head := source.read(_LENGTH.size):
        [length] = _LENGTH.unpack(head)
        if length < _SMALLEST:
            raise ClusterError(f"{source.name}: no BSON at {source.tell() - _LENGTH.size}")
        yield RawBSONDocument(head + source.read(length - _LENGTH.size))
