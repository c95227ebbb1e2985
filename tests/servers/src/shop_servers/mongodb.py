"""MongoDB with authentication, a replica set of one: transactions and change streams need one."""

from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from shop_servers.instance import Facts, ServerInstance
from shop_servers.packages import mongod

ADMIN = "admin"
KEY = "keyofthetestservers\n"
REPLICA_SET = "rs0"
ALREADY_INITIALISED = 23
UNAUTHORISED = 13


async def start(instance: ServerInstance) -> Facts:
    """Start mongod; `url` is the administrator's, and `server` is host:port."""
    data = instance.make_directory("data")
    key = instance.directory / "keyfile"
    key.write_text(KEY)
    key.chmod(0o600)
    await instance.spawn([await mongod(), "--dbpath", data, "--keyFile", key, *flags(instance)])
    return await ready(instance)


def flags(instance: ServerInstance) -> list[str]:
    """What is set on the command line, folders aside."""
    return [
        *("--port", str(instance.port())),
        *("--bind_ip", "127.0.0.1"),
        *("--replSet", REPLICA_SET),
        "--nounixsocket",
        *("--wiredTigerCacheSizeGB", "0.5"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        # A killed client's transaction otherwise holds its locks for 60 s (ADR 0033).
        *("--setParameter", "transactionLifetimeLimitSeconds=10"),
        "--quiet",
    ]


async def ready(instance: ServerInstance) -> Facts:
    """Wait for it, and make it a replica set with an administrator where it is none."""
    port = instance.port()
    server = f"127.0.0.1:{port}"
    await instance.listening(port)
    await instance.ready(lambda: _initiate(server))
    # Without a connection more that measures: half made when a client closes, it is left open.
    query = f"replicaSet={REPLICA_SET}&authSource=admin&serverMonitoringMode=poll"
    url = f"mongodb://{ADMIN}:{ADMIN}@{server}/?{query}"
    await instance.ready(lambda: _become_primary(server, url))
    return {"url": url, "server": server}


async def _initiate(server: str) -> None:
    async with _client(f"mongodb://{server}/?directConnection=true") as client:
        members = [{"_id": 0, "host": server}]
        try:
            await client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        except OperationFailure as error:
            # Once a user exists, only users may ask: it was initialised before this start.
            if error.code not in {ALREADY_INITIALISED, UNAUTHORISED}:
                raise


async def _become_primary(server: str, url: str) -> None:
    try:
        async with _client(url) as client:
            await client.admin.command("ping")
    except OperationFailure:
        # The first user comes by the exception for localhost, which then closes.
        async with _client(f"mongodb://{server}/?directConnection=true") as client:
            await client.admin.command("createUser", ADMIN, pwd=ADMIN, roles=["root"])
        raise


def _client(url: str) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(url, serverSelectionTimeoutMS=2000)
