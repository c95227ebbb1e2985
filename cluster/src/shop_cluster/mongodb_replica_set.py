"""Makes a MongoDB replica set of one, and its administrator, where they are missing.

Runs beside mongod in its pod: both steps are allowed to a nameless client on the loopback
address only, and only until the first user is there.

    python -m shop_cluster.mongodb_replica_set
"""

import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect, OperationFailure, ServerSelectionTimeoutError

_AUTHENTICATION_FAILED = 18
_log = logging.getLogger(__name__)


async def ensure(port: int, *, member: str, name: str, username: str, password: str) -> None:
    """Return when the set has a primary that knows the administrator.

    ``member`` is the host:port by which clients reach this server, ``name`` the set's.
    """
    address = f"mongodb://127.0.0.1:{port}/"
    nameless: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(address, directConnection=True) as nameless:
        hello = await nameless.admin.command("hello")
        if "setName" not in hello:
            config = {"_id": name, "members": [{"_id": 0, "host": member}]}
            await nameless.admin.command("replSetInitiate", config)
            _log.info("made replica set %s of %s", name, member)
        while not hello["isWritablePrimary"]:
            await asyncio.sleep(0.1)
            hello = await nameless.admin.command("hello")
        if not await _known(address, username, password):
            await nameless.admin.command("createUser", username, pwd=password, roles=["root"])
            _log.info("made administrator %s", username)


async def _known(address: str, username: str, password: str) -> bool:
    client: AsyncMongoClient[dict[str, Any]]
    async with AsyncMongoClient(
        address, directConnection=True, username=username, password=password
    ) as client:
        try:
            await client.admin.command("ping")
        except OperationFailure as error:
            if error.code != _AUTHENTICATION_FAILED:
                raise
            return False
        return True


async def run(*, member: str, username: str, password: str, ready: Path) -> None:
    """Ensure it, touch the file ``ready``, and stay: a pod's container is not to end."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    while True:
        try:
            await ensure(27017, member=member, name="rs0", username=username, password=password)
            break
        except (AutoReconnect, ServerSelectionTimeoutError) as error:
            _log.info("waiting for mongod: %s", error)
            await asyncio.sleep(0.2)
    await asyncio.to_thread(ready.touch)
    await ended.wait()


def main() -> None:
    """Run with the settings in the environment."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)-7s %(name)s %(message)s")
    credentials = Path(os.environ["CREDENTIALS_DIR"])
    asyncio.run(
        run(
            member=os.environ["MEMBER"],
            username=(credentials / "username").read_text(),
            password=(credentials / "password").read_text(),
            ready=Path(os.environ["READY_FILE"]),
        )
    )


if __name__ == "__main__":
    main()
