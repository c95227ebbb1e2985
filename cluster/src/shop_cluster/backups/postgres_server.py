"""A PostgreSQL server as a backup sees it: connections, and its programs wherever they are."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from shop_cluster.errors import ClusterError

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_DATABASES: Final = (
    "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' "
    "ORDER BY datname"
)
_SETTINGS: Final = {"search_path": "pg_catalog"}
"""Else functions that a database's owner made could be called by the administrator."""


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A server and its administrator.

    `url` names no database. `programs` are the words before pg_dump's name that run it where it
    reaches the server (`kubectl exec … --`), `options` those that tell it how, and `environment`
    what is added to its environment.
    """

    url: str = field(repr=False)
    programs: Sequence[str] = ()
    options: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def reached_from_here(cls, url: str, *, programs: Sequence[str] = ()) -> "PostgresServer":
        """Return a server whose programs are this machine's. `url` may end in a database."""
        parts = urlsplit(url)
        return cls(
            url=parts._replace(path="").geturl(),
            programs=programs,
            options=(
                f"--host={parts.hostname}",
                f"--port={parts.port or 5432}",
                f"--username={parts.username}",
            ),
            environment={"PGPASSWORD": parts.password or ""},
        )

    async def connect(self, database: str = "postgres") -> Connection:
        """Connect to a database. Raises ClusterError."""
        try:
            return await asyncpg.connect(
                f"{self.url}/{database}", timeout=30, server_settings=_SETTINGS
            )
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            said = str(error) or type(error).__name__
            raise ClusterError(f"PostgreSQL, database {database}: {said}") from error

    async def databases(self) -> list[str]:
        """Return the names of all databases but the administrator's own. Raises ClusterError."""
        connection = await self.connect()
        try:
            return [row["datname"] for row in await connection.fetch(_DATABASES)]
        finally:
            await connection.close()

    async def run(
        self,
        program: str,
        *words: str,
        stdin: Path | None = None,
        stdout: Path | None = None,
    ) -> None:
        """Run one of PostgreSQL's programs, its input and output a file each.

        Raises ClusterError with the last line that it said.
        """
        command = [*self.programs, program, *self.options, *words]
        nothing = Path(os.devnull)
        with (stdin or nothing).open("rb") as source, (stdout or nothing).open("wb") as target:
            process = await _started(command, source.fileno(), target.fileno(), self)
            _, complaints = await process.communicate()
        if process.returncode:
            lines = complaints.decode(errors="replace").strip().splitlines()
            # What kubectl adds is no cause.
            said = [line for line in lines if not line.startswith("command terminated with")]
            raise ClusterError(f"{program} failed: {(said or ['no message'])[-1]}")


async def _started(
    command: Sequence[str], source: int, target: int, server: PostgresServer
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=source,
            stdout=target,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **server.environment},
        )
    except FileNotFoundError:
        raise ClusterError(f"{command[0]} is missing: install it, and have it on PATH") from None
