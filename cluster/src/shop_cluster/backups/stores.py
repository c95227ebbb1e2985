"""Backs both stores up into a folder, and loads them from one."""

import asyncio
import os
import shutil
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pymongo.errors import PyMongoError

from shop_cluster.backups import catalogue, mongodb_dump, mongodb_users, roles
from shop_cluster.backups.catalogue import Catalogue
from shop_cluster.backups.cut import Client, Cut, cut_through
from shop_cluster.backups.postgres_server import PostgresServer
from shop_cluster.errors import ClusterError

Report = Callable[[str], None]
_TEMPLATE: Final = "%Y%m%dT%H%M%SZ"
_SYSTEM: Final = frozenset({"admin", "config", "local"})


async def back_up(
    postgres: PostgresServer,
    mongodb: Client,
    parent: Path,
    *,
    only: Collection[str] | None = None,
    report: Report,
) -> Path:
    """Back all databases up, or `only` those named; return the backup's folder.

    It is a new folder in `parent`, named by the time in UTC, which is there only once it is whole.

    Raises:
        ClusterError: a store did not answer, or did something that can't be backed up.

    """
    folder = parent / datetime.now(UTC).strftime(_TEMPLATE)
    partial = folder.with_suffix(".partial")
    if folder.exists() or partial.exists():
        raise ClusterError(f"{folder} is there already")
    (partial / "postgres").mkdir(parents=True)
    # It holds people's addresses.
    partial.chmod(0o700)
    try:
        async with cut_through(postgres, mongodb, only=only) as cut:
            report(f"cut at {cut.at.isoformat()}; orders waited {cut.waited * 1000:.0f} ms at most")
            held = await _dump(postgres, mongodb, cut, partial)
        await asyncio.to_thread(held.write, partial)
        await asyncio.to_thread(os.sync)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial)
        raise
    report(f"{len(held.postgres)} databases of PostgreSQL, {len(held.mongodb)} of MongoDB")
    return folder


async def _dump(postgres: PostgresServer, mongodb: Client, cut: Cut, folder: Path) -> Catalogue:
    # MongoDB first: how long it remembers the moment is bounded.
    documents = {
        name: [await mongodb_dump.dump(mongodb, cut.session, name, each, folder) for each in found]
        for name, found in cut.collections.items()
    }
    dumps = {name: f"postgres/{name}.dump" for name in cut.postgres}
    for name, snapshot in cut.postgres.items():
        words = ("--format=custom", "--create", f"--snapshot={snapshot}", f"--dbname={name}")
        await postgres.run("pg_dump", *words, stdout=folder / dumps[name])
    connection = await postgres.connect()
    try:
        found = await roles.read_roles(connection)
    finally:
        await connection.close()
    files = [*dumps.values(), *(c.file for each in documents.values() for c in each if c.file)]
    return Catalogue(
        at=cut.at,
        waited=cut.waited,
        roles=found,
        postgres=dumps,
        mongodb=documents,
        users={name: await mongodb_users.read_users(mongodb, name) for name in documents},
        checksums={
            name: await asyncio.to_thread(catalogue.checksum, folder / name) for name in files
        },
    )


async def there(postgres: PostgresServer, mongodb: Client) -> list[str]:
    """Return the databases that there are, of either store. Raises ClusterError."""
    try:
        found = [name for name in await mongodb.list_database_names() if name not in _SYSTEM]
    except PyMongoError as error:
        raise ClusterError(f"MongoDB: {error}") from error
    return sorted({*await postgres.databases(), *found})


async def load(
    postgres: PostgresServer, mongodb: Client, held: Catalogue, folder: Path, *, report: Report
) -> None:
    """Load a backup into stores that have none of its databases.

    Raises:
        ClusterError: a database is there already, or a store refused something.

    """
    wanted = {*held.postgres, *held.mongodb}
    if standing := wanted.intersection(await there(postgres, mongodb)):
        raise ClusterError(
            f"these databases are there already: {', '.join(sorted(standing))}; nothing was changed"
        )
    connection = await postgres.connect()
    try:
        await roles.create_missing(connection, held.roles)
    finally:
        await connection.close()
    for name, file in held.postgres.items():
        words = ("--create", "--exit-on-error", "--dbname=postgres")
        await postgres.run("pg_restore", *words, stdin=folder / file)
        # A dump has no statistics, and plans without them are bad ones.
        connection = await postgres.connect(name)
        try:
            await connection.execute("ANALYZE")
        finally:
            await connection.close()
        report(f"PostgreSQL: {name}")
    for name, found in held.mongodb.items():
        await mongodb_dump.load(mongodb, name, found, folder)
        await mongodb_users.create_missing(mongodb, name, held.users[name])
        report(f"MongoDB: {name}, {sum(each.documents for each in found)} documents")
