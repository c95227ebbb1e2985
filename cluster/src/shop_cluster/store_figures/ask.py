"""Asks each store for its figures, as its administrator and without writing.

Each function raises what its client raises where the store does not answer, or refuses.
"""

import asyncio
from typing import Any

import asyncpg
import httpx
from confluent_kafka.admin import AdminClient
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from redis.asyncio import Redis

from shop_cluster.store_figures.gauges import Figures

SECONDS = 10.0
"""How long a store may take for an answer."""

_POSTGRES = """
    SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
           current_setting('max_connections')::int,
           (SELECT coalesce(extract(epoch FROM max(now() - xact_start)), 0) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
"""
_SIZES = "SELECT datname, pg_database_size(oid) FROM pg_database WHERE NOT datistemplate"
_SLOTS = """
    SELECT slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) FROM pg_replication_slots
    WHERE restart_lsn IS NOT NULL
"""


async def postgres(url: str) -> Figures:
    """Ask PostgreSQL."""
    read_only = {"default_transaction_read_only": "on", "application_name": "store-figures"}
    connection = await asyncpg.connect(
        url, timeout=SECONDS, command_timeout=SECONDS, server_settings=read_only
    )
    try:
        connections, most, longest = await connection.fetchrow(_POSTGRES)
        sizes = await connection.fetch(_SIZES)
        slots = await connection.fetch(_SLOTS)
    finally:
        await connection.close()
    return {
        "store_connections": connections,
        "store_connections_most": most,
        "store_longest_transaction_seconds": float(longest),
        "store_size_bytes": {(name,): float(size) for name, size in sizes},
        "store_slot_bytes": {(name,): float(kept) for name, kept in slots},
    }


async def mongodb(url: str) -> Figures:
    """Ask MongoDB; the oplog says for how long capture may be away and go on where it was."""
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(
        url, directConnection=True, serverSelectionTimeoutMS=int(SECONDS * 1000)
    ) as client:
        status = await client.admin.command("serverStatus")
        databases = await client.admin.command("listDatabases")
        oplog: AsyncCollection[dict[str, Any]] = client["local"]["oplog.rs"]
        ends = [await oplog.find_one({}, {"ts": 1}, sort=[("$natural", way)]) for way in (1, -1)]
    connections = status["connections"]
    first, last = (end["ts"].time if end else 0 for end in ends)
    return {
        "store_connections": connections["current"],
        "store_connections_most": connections["current"] + connections["available"],
        "store_memory_bytes": status["mem"]["resident"] * 2**20,
        "store_size_bytes": {
            (found["name"],): float(found["sizeOnDisk"]) for found in databases["databases"]
        },
        "store_oplog_seconds": last - first,
    }


async def redis(url: str) -> Figures:
    """Ask Redis, or Valkey."""
    async with Redis.from_url(
        url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS
    ) as client:
        found = await client.info("everything")
    return {
        "store_connections": found["connected_clients"],
        "store_connections_most": found["maxclients"],
        "store_memory_bytes": found["used_memory"],
        "store_keys_evicted": found["evicted_keys"],
    } | ({"store_memory_most_bytes": found["maxmemory"]} if found["maxmemory"] else {})


async def rabbitmq(url: str) -> Figures:
    """Ask RabbitMQ's management API, which need not collect figures for it."""
    totals = {"disable_stats": "true", "enable_queue_totals": "true"}
    place = httpx.URL(url)
    # Apart, as httpx's errors name the address.
    address, login = place.copy_with(userinfo=b""), (place.username, place.password)
    async with httpx.AsyncClient(
        base_url=address, auth=login, timeout=SECONDS, trust_env=False
    ) as http:
        queues = (await http.get("/api/queues", params=totals)).raise_for_status().json()
        connections = (await http.get("/api/connections")).raise_for_status().json()
    return {
        "store_connections": len(connections),
        "store_queue_messages": {(q["vhost"], q["name"]): q.get("messages", 0) for q in queues},
    }


async def kafka(bootstrap_servers: str) -> Figures:
    """Ask Kafka which partitions have a leader and all their replicas."""
    return await asyncio.to_thread(_partitions, bootstrap_servers)


def _partitions(bootstrap_servers: str) -> Figures:
    client = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    topics = client.list_topics(timeout=SECONDS).topics.values()
    found = [partition for topic in topics for partition in topic.partitions.values()]
    return {
        "store_partitions": {
            ("all",): len(found),
            ("leaderless",): sum(partition.leader < 0 for partition in found),
            ("short",): sum(len(each.isrs) < len(each.replicas) for each in found),
        }
    }
