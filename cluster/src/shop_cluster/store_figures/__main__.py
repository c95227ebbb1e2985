"""Serves the figures of the stores at :9187/metrics, asked for every 15 seconds.

    python -m shop_cluster.store_figures

An environment variable by a store's name (POSTGRES, MONGODB, REDIS, RABBITMQ, KAFKA) says at which
host:port it is; the folder of that name in CREDENTIALS_DIR has its administrator's `username` and
`password`. A store without a variable is not asked.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from prometheus_client import start_http_server

from shop_cluster.store_figures import ask
from shop_cluster.store_figures.gauges import Figures, show

PORT = 9187
INTERVAL_SECONDS = 15.0
_ASKED: Mapping[str, tuple[str, Callable[[str], Awaitable[Figures]]]] = {
    "postgres": ("postgresql://{login}{address}/postgres", ask.postgres),
    "mongodb": ("mongodb://{login}{address}/", ask.mongodb),
    "redis": ("redis://{login}{address}", ask.redis),
    "rabbitmq": ("http://{login}{address}", ask.rabbitmq),
    "kafka": ("{address}", ask.kafka),
}
_log = logging.getLogger(__name__)


async def look(store: str, url: str) -> str | None:
    """Ask a store once and show what it says; return why it does not answer, or None."""
    asking = _ASKED[store][1]
    try:
        async with asyncio.timeout(2 * ask.SECONDS):
            figures = await asking(url)
    except Exception as error:  # noqa: BLE001 - of five clients; told, and asked again
        show(store, None)
        return f"{type(error).__name__}: {error}"
    show(store, figures)
    return None


async def keep(store: str, url: str) -> None:
    """Ask a store every interval, until cancelled; say when its answers stop and begin again."""
    before: str | None = None
    while True:
        failure = await look(store, url)
        if failure is not None and before is None:
            _log.warning("%s does not answer: %s", store, failure)
        elif failure is None and before is not None:
            _log.info("%s answers again", store)
        before = failure
        await asyncio.sleep(INTERVAL_SECONDS)


def urls(environment: Mapping[str, str]) -> dict[str, str]:
    """Return by which URL each store that is named is asked. Raises OSError for a missing file."""
    folder = Path(environment.get("CREDENTIALS_DIR", "/etc/minishop"))
    return {
        store: pattern.format(address=environment[store.upper()], login=_login(folder / store))
        for store, (pattern, _) in _ASKED.items()
        if store.upper() in environment
    }


def _login(folder: Path) -> str:
    if not folder.exists():
        return ""
    username, password = ((folder / name).read_text() for name in ("username", "password"))
    return f"{quote(username, safe='')}:{quote(password, safe='')}@"


async def run(asked: Mapping[str, str]) -> None:
    """Ask until told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    keeping = [asyncio.create_task(keep(store, url)) for store, url in asked.items()]
    await stop.wait()
    for task in keeping:
        task.cancel()


def main() -> int:
    """Return the exit code: 0 after a stop, 2 where there is nothing to ask."""
    logging.basicConfig(level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # else each request is a line
    asked = urls(os.environ)
    if not asked:
        sys.stderr.write(f"store_figures: set one of {', '.join(s.upper() for s in _ASKED)}\n")
        return 2
    start_http_server(PORT)
    asyncio.run(run(asked))
    return 0


if __name__ == "__main__":
    sys.exit(main())
