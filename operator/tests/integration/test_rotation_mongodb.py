"""A rotation in MongoDB, where a service has two logins in turn."""

import asyncio
from typing import Any
from urllib.parse import SplitResult, unquote

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure
from shop_servers.servers import MongoDB

from shop_operator.stores.mongodb.database import User

from .outside import deleted, mongo
from .rotations import NAME, cut_at, is_told, logging_in, phase, request, running, urls_of
from .shop import Shop
from .workloads import observe


class Documents:
    """A login of MongoDB, as the Secret says."""

    def __init__(self, server: MongoDB) -> None:
        self._host, _, self._port = server.server.rpartition(":")

    async def open(self, url: SplitResult) -> None:
        """Log in and write. Raises OperationFailure if the server refuses."""
        database = url.path.strip("/")
        async with AsyncMongoClient[dict[str, Any]](
            self._host,
            int(self._port),
            username=url.username,
            password=unquote(url.password or ""),
            authSource=database,
            directConnection=True,
            serverMonitoringMode="poll",  # as of the servers' own URLs
        ) as client:
            await client[database]["things"].insert_one({"a": 1})


@pytest.mark.parametrize("after", [None, False, True], ids=["whole", "before", "after"])
async def test_mongodb_has_two_logins_in_turn(
    documents: Shop, mongodb: MongoDB, *, after: bool | None
) -> None:
    name, login = f"r{documents.namespace}", Documents(mongodb)
    await running(documents, database={"kind": "mongodb", "name": name, "onDelete": "Drop"})
    first = (await urls_of(documents))["database_url"]
    await login.open(first)
    at = "2030-01-01T00:00:01Z"
    async with logging_in(lambda: login.open(first)):
        if after is not None:
            await documents.stop()
            with pytest.MonkeyPatch.context() as patch:
                cut = cut_at(patch, User, "ensure", after=after)
                await request(documents, at)
                await documents.start()
                await asyncio.wait_for(cut.wait(), 60)
                await documents.stop()
            await documents.start()
        await request(documents, at)
        await is_told(documents, at)
        second = (await urls_of(documents))["database_url"]
        await login.open(second)
    await observe(documents, NAME)
    await phase(documents, "Complete", at)
    with pytest.raises(OperationFailure):
        await login.open(first)
    async with mongo(mongodb) as admin:
        users = (await admin[name].command("usersInfo"))["users"]
    assert {user["user"]: bool(user["roles"]) for user in users} == {
        name: False,
        f"{name}_alt": True,
    }
    await request(documents, "2030-01-01T00:00:02Z")
    await is_told(documents, "2030-01-01T00:00:02Z")
    third = (await urls_of(documents))["database_url"]
    assert third.username == name
    await login.open(third)
    await login.open(second)
    await observe(documents, NAME)
    await phase(documents, "Complete", "2030-01-01T00:00:02Z")
    with pytest.raises(OperationFailure):
        await login.open(second)
    await deleted(documents, NAME)
    async with mongo(mongodb) as admin:
        assert (await admin[name].command("usersInfo"))["users"] == []
