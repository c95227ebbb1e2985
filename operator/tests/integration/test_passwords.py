"""No password goes to PostgreSQL in clear, where its log of statements would keep it (O33)."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from shop_servers.servers import Postgres

from shop_operator.api.kinds import SECRET
from shop_operator.children.access_secret import decode

from .outside import Sql, deleted, password
from .shop import Shop


@asynccontextmanager
async def tap(host: str, port: int, heard: bytearray) -> AsyncIterator[int]:
    """Listen on a free port, pass everything on, and keep what clients send."""

    async def pump(
        source: asyncio.StreamReader, sink: asyncio.StreamWriter, keep: bytearray | None
    ) -> None:
        while data := await source.read(65536):
            if keep is not None:
                keep += data
            sink.write(data)
        sink.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection(host, port)
        await asyncio.gather(
            pump(reader, upstream, heard),
            pump(upstream_reader, writer, None),
            return_exceptions=True,
        )

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def test_passwords_reach_postgres_as_verifiers(sql: Shop, postgres: Postgres) -> None:
    name, heard = f"p{secrets.token_hex(4)}", bytearray()
    at = urlsplit(postgres.url)
    async with tap(at.hostname or "", at.port or 0, heard) as port:
        await sql.start(postgres_address=f"127.0.0.1:{port}")
        database = {"kind": "postgres", "name": name, "onDelete": "Drop"}
        await sql.declare("quiet", database=database, events={"outbox": {}})
        await sql.reason("quiet", "DatabaseReady", "Available")
        first = await password(sql, "quiet")
        async with Sql(postgres).admin() as admin:
            stored = "SELECT rolpassword FROM pg_authid WHERE rolname = $1"
            assert (await admin.fetchval(stored, name)).encode() in heard
        secret = await sql.client.get(SECRET, sql.namespace, "quiet-outbox")
        capture = decode(secret["data"]["password"])
        await deleted(sql, "quiet")
        await sql.stop()
    assert b"CREATE ROLE" in heard
    for each in (first, capture):
        assert each.encode() not in heard
    assert heard.count(b"SCRAM-SHA-256$4096:") == 2  # owner and capture role
