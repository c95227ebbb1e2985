"""Alembic migrations, run from a service's package: migrations/versions/*.py, no env.py needed."""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from shop_shared.settings import ServiceSettings
from shop_shared.stores.postgres import create_engine

_LOCK = 0x6D696E6973686F70  # "minishop": two migrations at once wait for each other


async def upgrade(settings: ServiceSettings, package: str, revision: str = "head") -> None:
    """Bring the database of settings to revision by the scripts in package (shop_order)."""
    directory = Path(str(files(package))) / "migrations"
    engine = create_engine(settings)
    try:
        async with engine.begin() as connection:
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK})
            await connection.run_sync(_upgrade, directory, revision)
    finally:
        await engine.dispose()


def run(settings: ServiceSettings, package: str) -> None:
    """Do `upgrade` to the newest revision."""
    asyncio.run(upgrade(settings, package))


def _upgrade(connection: sa.Connection, directory: Path, revision: str) -> None:
    # 12 MiB and a tenth of a second that a serving process has no use for.
    from alembic.config import Config  # noqa: PLC0415 - see above
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(directory))
    script = ScriptDirectory.from_config(config)

    def steps(current: Any, _context: Any) -> Any:  # noqa: ANN401 - Alembic's own shapes
        return script._upgrade_revs(revision, current)  # noqa: SLF001 - what its command does

    with EnvironmentContext(config, script, fn=steps, destination_rev=revision) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()
