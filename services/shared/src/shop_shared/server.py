"""Serving: HTTP and background tasks in one process, ended together and in order."""

import asyncio
import gc
import math
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from shop_shared.http.protocol import LimitedHttpProtocol
from shop_shared.messaging.asyncapi import Contract
from shop_shared.observability import telemetry
from shop_shared.settings import ServiceSettings

Task = Callable[[], Awaitable[None]]
REQUESTS_SHARE = 0.7
"""What of the grace time requests may take; the rest is for the batch in hand and the stores."""
CLOSE_SHARE = 0.1
"""What is kept of it for closing the stores."""
EXPORT_SECONDS = 2.0
"""What sending the last traces may take, after the grace time."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """What main.py wires: the app, what runs beside it, and what to close at the end."""

    app: FastAPI
    contract: Contract = field(default_factory=Contract)
    """The events it publishes and subscribes to."""
    background: Sequence[Task] = field(default=())
    """Run until cancelled; cancelled, each finishes the batch in hand. One that ends or raises
    ends the process: Kubernetes starts it again."""
    stopping: Sequence[Callable[[], None]] = field(default=())
    """Called when the end begins, to end answers that would go on for ever."""
    close: Sequence[Task] = field(default=())
    protocol: type[LimitedHttpProtocol] = LimitedHttpProtocol
    """How connections are served; `PublicHttpProtocol` where strangers connect."""


def server_config(
    app: ASGIApp,
    settings: ServiceSettings,
    protocol: type[LimitedHttpProtocol] = LimitedHttpProtocol,
) -> uvicorn.Config:
    """Return how every service is served: HTTP/1.1 with limits, no lines of uvicorn's own."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="none",
        http=protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_grace_seconds * REQUESTS_SHARE),
        timeout_keep_alive=75,
    )


async def serve(service: Service, settings: ServiceSettings) -> None:
    """Serve until SIGTERM: finish requests, then the background tasks, then close the stores.

    All of it takes `shutdown_grace_seconds` at most, also under load: each part has what the parts
    before it left, and what is not done by then is cancelled.
    """
    server = uvicorn.Server(server_config(service.app, settings, service.protocol))
    # uvicorn raises the signal it stopped for once more when it has ended, which would end the
    # process there and then: without the batch in hand, and without a word to Kafka.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    ending = _Ending(settings.shutdown_grace_seconds)
    serving = asyncio.create_task(server.serve(), name="http")
    stopping = asyncio.create_task(_stopping(server, service, ending), name="stopping")
    tasks = [asyncio.create_task(_run(task), name=_name(task)) for task in service.background]
    try:
        done, _ = await asyncio.wait([serving, *tasks], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await stopping
        await serving
        for task in done - {serving}:
            await task
            raise RuntimeError(f"background task {task.get_name()} ended")
    finally:
        stopping.cancel()
        for task in tasks:
            task.cancel()
        await _within(ending.left(keep=CLOSE_SHARE), "background tasks", tasks)
        closing = [asyncio.create_task(_run(close), name=_name(close)) for close in service.close]
        await _within(ending.left(), "stores", closing)


class _Ending:
    """The time that is left once the end has begun."""

    def __init__(self, grace_seconds: float) -> None:
        self._grace = grace_seconds
        self._until: float | None = None

    def begin(self) -> None:
        """Start the clock."""
        if self._until is None:
            self._until = asyncio.get_running_loop().time() + self._grace

    def left(self, *, keep: float = 0.0) -> float:
        """Return the seconds left, without a share of the whole that is kept for what follows."""
        self.begin()
        assert self._until is not None  # noqa: S101 - begin() has set it
        return max(0.0, self._until - self._grace * keep - asyncio.get_running_loop().time())


async def _within(seconds: float, what: str, tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for the tasks; cancel what has not ended by then; log what failed."""
    if not tasks:
        return
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        _log.warning("not ended in time", what=what, tasks=[task.get_name() for task in late])
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("ended badly", what=what, task=task.get_name(), error=repr(error))


def run(service: Service, settings: ServiceSettings) -> None:
    """Configure telemetry and serve on uvloop."""
    import uvloop  # noqa: PLC0415 - only a serving process needs it

    telemetry.configure_logging(settings)
    stop_export = telemetry.start_export(settings)
    _log.info("starting", port=settings.port)
    # What is loaded by now lives as long as the process: no collection needs to look at it again.
    gc.collect()
    gc.freeze()
    try:
        uvloop.run(serve(service, settings))
    finally:
        # A collector that is away may not hold the end up: the exporter would try for 30 s.
        stopping = threading.Thread(target=stop_export, name="stop_export", daemon=True)
        stopping.start()
        stopping.join(EXPORT_SECONDS)
    _log.info("stopped")


async def _stopping(server: uvicorn.Server, service: Service, ending: _Ending) -> None:
    while not server.should_exit:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.1)
    ending.begin()
    for stop in service.stopping:
        stop()


async def _run(task: Task) -> None:
    await task()


def _name(task: Task) -> str:
    return getattr(task, "__qualname__", None) or repr(task)
