"""A session with MongoDB leaves nothing open, whenever its task is cancelled."""

import asyncio
import dataclasses
import gc
import socket
import warnings
from contextlib import suppress

import pytest
from pymongo.uri_parser import parse_uri
from shop_servers.servers import MongoDB as Server

from shop_operator.children.access_secret import Login
from shop_operator.stores.errors import StoreError
from shop_operator.stores.mongodb.session import MongoDB


def administered(server: Server, *, password: str | None = None) -> MongoDB:
    """The server as its administrator sees it, with this password."""
    found = parse_uri(server.url)
    host, port = found["nodelist"][0]
    login = Login(found["username"], password or found["password"])
    return MongoDB(host, port, found["options"]["replicaSet"], login)


async def names(server: MongoDB) -> list[str]:
    async with server.session() as session:
        return await session.database_names()


async def test_cancelled_at_any_moment_it_leaves_no_socket(mongodb: Server) -> None:
    server = administered(mongodb)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResourceWarning)
        for moment in range(60):
            asking = asyncio.create_task(names(server))
            await asyncio.sleep(moment / 4000)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
        gc.collect()
    assert [str(warning.message) for warning in said] == []


async def test_who_is_cancelled_ends_where_nobody_answers(mongodb: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        server = dataclasses.replace(administered(mongodb), port=port, replica_set=None)
        asking = asyncio.create_task(names(server))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_a_refused_administrator_is_told_at_once(mongodb: Server) -> None:
    with pytest.raises(StoreError, match="Authentication failed") as refused:
        await names(administered(mongodb, password="another"))
    assert refused.value.reason == "AccessDenied"
