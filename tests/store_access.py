"""Reading the stores of a running shop, through port-forwards of its cluster."""

import asyncio
import base64
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from pymongo import AsyncMongoClient

from shop_cluster.errors import ClusterError
from shop_cluster.port_forward import forwarded

# auth and gateway keep no events.
POSTGRES_SERVICES = ("user", "order", "payment", "shipping", "notification")

_REVISION = "deployment.kubernetes.io/revision"
_EXISTS = "SELECT to_regclass('public.{}') IS NOT NULL AS exists"
_READ = {
    "outbox": "SELECT aggregatetype, type, id::text, time FROM outbox",
    "inbox": "SELECT consumer_group, event_id FROM inbox",
}


class Published(NamedTuple):
    """An event that was committed to an outbox."""

    topic: str
    type: str
    id: str
    time: datetime


@dataclass(frozen=True)
class Stores:
    """Access to the databases: `postgres` is a DSN without a database, `mongodb` a whole URL.

    `upgraded` says when those services got their version that are not of the first any more;
    `databases` names a service's database where it is not named as the service.
    """

    postgres: str
    mongodb: str
    upgraded: Mapping[str, datetime] = field(default_factory=dict)
    databases: Mapping[str, str] = field(default_factory=dict)
    _connections: dict[str, asyncpg.Connection] = field(default_factory=dict, init=False)

    async def rows(self, database: str, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query in a service's database."""
        # Kept: through a port-forward a connection takes a second to be made.
        connection = self._connections.get(database)
        if connection is None or connection.is_closed():
            name = self.databases.get(database, database)
            connection = await asyncpg.connect(f"{self.postgres}/{name}")
            self._connections[database] = connection
        return [dict(row) for row in await connection.fetch(query)]

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            await connection.close()

    async def _table(self, service: str, table: str) -> list[dict[str, Any]]:
        """Return a table's rows; none where a service has no such table, as it needs none."""
        return await self.rows(service, _READ[table]) if await self._has(service, table) else []

    async def _has(self, service: str, table: str) -> bool:
        [row] = await self.rows(service, _EXISTS.format(table))
        return bool(row["exists"])

    async def stock(self) -> list[dict[str, Any]]:
        """Return each product's units, and the sums of its ledger, holds, sales and returns."""
        async with AsyncMongoClient[dict[str, Any]](self.mongodb) as client:
            database = client[self.databases.get("product", "product")]
            put_in: Mapping[str, int] = {
                row["_id"]: row["units"]
                async for row in await database["adjustments"].aggregate(
                    [{"$group": {"_id": "$product_id", "units": {"$sum": "$delta"}}}]
                )
            }
            held: Mapping[str, int] = {
                row["_id"]: row["units"]
                async for row in await database["reservations"].aggregate(
                    [
                        {"$match": {"status": "reserved"}},
                        {"$unwind": "$lines"},
                        {
                            "$group": {
                                "_id": "$lines.product_id",
                                "units": {"$sum": "$lines.quantity"},
                            }
                        },
                    ]
                )
            }
            sold: Counter[str] = Counter()
            back: Counter[str] = Counter()
            async for order in database["reservations"].find({"status": "committed"}):
                sold.update({line["product_id"]: line["quantity"] for line in order["lines"]})
                for returned in order.get("returned", ()):
                    back.update(
                        {line["product_id"]: line["quantity"] for line in returned["lines"]}
                    )
            return [
                {
                    "product_id": unit["_id"],
                    "on_hand": unit["on_hand"],
                    "reserved": unit["reserved"],
                    "sold": unit["sold"],
                    "put_in": put_in.get(unit["_id"], 0),
                    "held": held.get(unit["_id"], 0),
                    "sold_to_orders": sold[unit["_id"]],
                    "put_back": back[unit["_id"]],
                }
                async for unit in database["inventory"].find()
            ]

    async def reservations(self) -> int:
        """Return how many orders' reservations are kept, whatever became of them."""
        async with AsyncMongoClient[dict[str, Any]](self.mongodb) as client:
            return await client[self.databases.get("product", "product")][
                "reservations"
            ].count_documents({})

    async def mongodb_names(self) -> list[str]:
        """Return the names of MongoDB's databases and of its users, by their database."""
        async with AsyncMongoClient[dict[str, Any]](self.mongodb) as client:
            users = (await client["admin"].command("usersInfo", {"forAllDBs": True}))["users"]
            return [*await client.list_database_names(), *(user["_id"] for user in users)]

    async def events(self) -> tuple[list[Published], dict[str, frozenset[str]]]:
        """Return every event in the outboxes, and what each group that keeps an inbox has heard."""
        published: list[Published] = []
        heard: defaultdict[str, set[str]] = defaultdict(set)
        for service in POSTGRES_SERVICES:
            rows = await self._table(service, "outbox")
            published += [published_in(row, row["id"]) for row in rows]
            if await self._has(service, "inbox"):
                heard[service] |= set()  # also while it is empty: a group is named as its service
            for row in await self._table(service, "inbox"):
                heard[row["consumer_group"]].add(row["event_id"])
        async with AsyncMongoClient[dict[str, Any]](self.mongodb, tz_aware=True) as client:
            database = client[self.databases.get("product", "product")]
            fields = {"aggregatetype": 1, "type": 1, "time": 1}
            async for event in database["outbox"].find({}, fields):
                published.append(published_in(event, event["_id"]))
            heard["product"] |= set()
            async for seen in database["inbox"].find():
                group, _, event_id = seen["_id"].partition(":")
                heard[group].add(event_id)
        return published, {group: frozenset(ids) for group, ids in heard.items()}


def published_in(row: Mapping[str, Any], id_: str) -> Published:
    """Return the event of an outbox's row; MongoDB's keeps the time as text (RFC 3339)."""
    at = row["time"]
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    return Published(f"{row['aggregatetype']}.events", row["type"], id_, at)


@asynccontextmanager
async def from_cluster(kubeconfig: Path | None = None) -> AsyncIterator[Stores]:
    """Reach the stores in namespace `platform`. Raises ClusterError."""
    anywhere = ["kubectl", *([f"--kubeconfig={kubeconfig}"] if kubeconfig else [])]
    kubectl = [*anywhere, "-n", "platform"]
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(forwarded(kubectl, "postgres", 5432))
        mongodb = await stack.enter_async_context(forwarded(kubectl, "mongodb", 27017))
        user, password = await _secret(kubectl, "postgres-admin")
        root, root_password = await _secret(kubectl, "mongodb-admin")
        stores = Stores(
            f"postgresql://{user}:{password}@127.0.0.1:{postgres}",
            f"mongodb://{root}:{root_password}@127.0.0.1:{mongodb}/?directConnection=true",
            await _upgraded([*anywhere, "-n", "shop"]),
        )
        stack.push_async_callback(stores.close)
        yield stores


async def _upgraded(kubectl: list[str]) -> dict[str, datetime]:
    """Return when the pods of each service's present version took over, unless it is the first."""
    found = await _get(kubectl, "deployments")
    return {
        item["metadata"]["name"]: datetime.fromisoformat(condition["lastUpdateTime"])
        for item in found["items"]
        if item["metadata"]["annotations"].get(_REVISION) != "1"
        for condition in item.get("status", {}).get("conditions", ())
        # Its time is that of the rollout's end, whatever becomes of the pods later.
        if condition.get("reason") == "NewReplicaSetAvailable"
    }


async def _get(kubectl: list[str], *words: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *kubectl, "get", *words, "-o", "json", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise ClusterError(f"kubectl could not get {' '.join(words)}")
    found: dict[str, Any] = json.loads(out)
    return found


async def _secret(kubectl: list[str], name: str) -> tuple[str, str]:
    data = (await _get(kubectl, "secret", name))["data"]
    return (
        base64.b64decode(data["username"]).decode(),
        base64.b64decode(data["password"]).decode(),
    )
