"""Wires the operator: Kopf runs the process, the controller watches and reconciles.

The division of work with Kopf: docs/adr/0021-kopf-is-the-shell.md.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import random
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import kopf
import structlog
import uvloop

from shop_operator.admission import handler
from shop_operator.admission.webhook import Webhook
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.controller import Controller
from shop_operator.probes import serve
from shop_operator.settings import WRONG_SETTINGS, Settings, what_is_wrong

_WHAT = "Keep what ShopServices declare. Settings are the variables MINISHOP_… of docs/operator.md."


def cli() -> None:
    """Run `shop-operator`."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 after a stop, 2 for a wrong setting or no cluster."""
    parser = argparse.ArgumentParser(prog="shop-operator", description=_WHAT)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="reconcile ShopServices")
    run.add_argument("--kubeconfig", type=Path, help="kubeconfig to use, instead of KUBECONFIG")
    options = parser.parse_args(arguments)
    if options.kubeconfig:
        os.environ["KUBECONFIG"] = str(options.kubeconfig)
    try:
        platform = Settings()
        connection.login()
    except WRONG_SETTINGS as error:
        sys.stderr.write(f"shop-operator: {what_is_wrong(error)}\n")
        return 2
    except connection.NoClusterError as error:
        sys.stderr.write(f"shop-operator: {error}\n")
        return 2
    _log_as_json(platform)
    uvloop.run(_run(platform))
    return 0


async def _run(platform: Settings) -> None:
    identity = f"{socket.gethostname()}_{os.getpid()}_{random.randrange(16**6):06x}"  # noqa: S311 - a name
    stop = asyncio.Event()
    async with ApiClient(connection.login) as client:
        controller = Controller(client, platform, identity=identity)
        liveness = [platform.liveness_port] if platform.liveness_port else []
        async with serve(controller, ports=[platform.http_port, *liveness]):
            running = asyncio.create_task(controller.run())
            running.add_done_callback(lambda _: stop.set())  # never outlive the controller
            # Kopf, when it stops, also cancels what was started beside it.
            with _webhook(client, platform, controller) as webhook:
                await kopf.operator(
                    registry=_registry(controller, platform),
                    settings=_settings(webhook),
                    clusterwide=True,  # it watches nothing; the controller does
                    standalone=True,
                    stop_flag=stop,
                )
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            await controller.stop()


@contextlib.contextmanager
def _webhook(
    client: ApiClient, platform: Settings, controller: Controller
) -> Iterator[kopf.WebhookServer | None]:
    """Keep the webhook's certificate meanwhile; give its server, None where none is wanted."""
    if not platform.webhook_port:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        webhook = Webhook(
            client,
            platform,
            folder=Path(folder),
            holds_lease=lambda: controller.lease.held,
        )
        keeping = asyncio.create_task(webhook.run())
        try:
            yield webhook.server()
        finally:
            keeping.cancel()


def _registry(controller: Controller, platform: Settings) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:  # noqa: ANN401 - Kopf's own arguments
        return connection.login()

    if platform.webhook_port:
        handler.install(registry, platform, services=controller.services)
    return registry


def _settings(webhook: kopf.WebhookServer | None) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.admission.server = webhook
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.networking.error_backoffs = _Backoffs()
    return settings


class _Backoffs:
    """Endless backoff: while the API server is away, there is nothing to do but wait."""

    def __iter__(self) -> Iterator[float]:
        seconds = 0.5
        while True:
            yield random.uniform(seconds / 2, seconds)  # noqa: S311 - jitter
            seconds = min(seconds * 2, 15.0)


def _log_as_json(platform: Settings) -> None:
    level = logging.getLevelNamesMapping()[platform.log_level.upper()]
    timed: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*timed, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=timed, processor=structlog.processors.JSONRenderer()
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


if __name__ == "__main__":
    cli()
