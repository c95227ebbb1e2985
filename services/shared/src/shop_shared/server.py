"""Serving: HTTP and background tasks in one process, ended together and in order."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog
import uvicorn
from fastapi import FastAPI

from shop_shared.messaging.asyncapi import Contract
from shop_shared.observability import telemetry
from shop_shared.settings import ServiceSettings

Task = Callable[[], Awaitable[None]]
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


async def serve(service: Service, settings: ServiceSettings) -> None:
    """Serve until SIGTERM: finish requests, then the background tasks, then close the stores."""
    server = uvicorn.Server(
        uvicorn.Config(
            service.app,
            host=settings.host,
            port=settings.port,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=int(settings.shutdown_grace_seconds),
            timeout_keep_alive=75,
        )
    )
    # uvicorn raises the signal it stopped for once more when it has ended, which would end the
    # process there and then: without the batch in hand, and without a word to Kafka.
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: None)
    serving = asyncio.create_task(server.serve(), name="http")
    stopping = asyncio.create_task(_stopping(server, service), name="stopping")
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
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(settings.shutdown_grace_seconds):
                await asyncio.gather(*tasks, return_exceptions=True)
        for close in service.close:
            await close()


def run(service: Service, settings: ServiceSettings) -> None:
    """Configure telemetry and serve on uvloop."""
    import uvloop  # noqa: PLC0415 - only a serving process needs it

    telemetry.configure_logging(settings)
    stop_export = telemetry.start_export(settings)
    _log.info("starting", port=settings.port)
    try:
        uvloop.run(serve(service, settings))
    finally:
        stop_export()
    _log.info("stopped")


async def _stopping(server: uvicorn.Server, service: Service) -> None:
    while not server.should_exit:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.1)
    for stop in service.stopping:
        stop()


async def _run(task: Task) -> None:
    await task()


def _name(task: Task) -> str:
    return getattr(task, "__qualname__", None) or repr(task)
