"""`kubectl shop rotate NAME`: new logins for a service in every store, while it goes on.

The command writes an annotation; the operator does the rest and says in `status.rotation` where it
stands (ADR 86). So the command can be ended at any time: the rotation goes on.
"""

import argparse
import asyncio
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import SHOP_SERVICE
from shop_operator.cli import names
from shop_operator.cli.output import CLI_MANAGER
from shop_operator.cli.patience import patiently
from shop_operator.metadata import Manifest, moment, timestamp
from shop_operator.settings import Settings
from shop_operator.spec import ROTATE_ANNOTATION, parse

_POLL_SECONDS: Final = 0.5
_SILENT_SECONDS: Final = 30.0
"""After this time without an answer, the operator is likely not there."""
_WHAT: Final = (
    "Give a service new logins in every store that it has: PostgreSQL or MongoDB, Redis, RabbitMQ; "
    "Debezium a new password; and with provider vault, Vault's own login too. The old logins stay "
    "until the last pod that has them is gone, so requests go on. Secrets that others give out, "
    "such as a payment provider's key in secrets.files, are not touched."
)


class NotRotatedError(Exception):
    """The service has no logins to rotate, or the operator leaves it alone."""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the command."""
    command = commands.add_parser(
        "rotate",
        parents=[common],
        help="give a service new logins in every store",
        description=_WHAT,
    )
    command.add_argument("name", type=names.name, help="the service")
    command.add_argument(
        "--no-wait", action="store_true", help="ask for it and return; status shows where it stands"
    )
    command.add_argument(
        "--timeout",
        type=_seconds,
        default=600,
        metavar="SECONDS",
        help="how long to wait (600); the rotation goes on after it",
    )
    command.set_defaults(run=_rotate)


async def _rotate(client: ApiClient, platform: Settings, options: argparse.Namespace) -> int:
    place = options.namespace, options.name
    body = await patiently(partial(client.get, SHOP_SERVICE, *place))
    _check(body)
    at = _next_time(body)
    patch = {"metadata": {"annotations": {ROTATE_ANNOTATION: at}}}
    await client.merge(SHOP_SERVICE, *place, patch, manager=CLI_MANAGER)
    name = f"{options.namespace}/{options.name}"
    _tell(f"{name}: new logins requested ({at})")
    if options.no_wait:
        _tell(f"kubectl shop status -n {options.namespace} {options.name} shows where it stands")
        return 0
    return await _wait(client, platform, options, at)


async def _wait(client: ApiClient, platform: Settings, options: argparse.Namespace, at: str) -> int:
    """Tell each step until the rotation is complete; return 1 if it is refused or takes longer."""
    began, told, is_answered = time.monotonic(), "", False
    while (passed := time.monotonic() - began) < options.timeout:
        body = await patiently(partial(client.get, SHOP_SERVICE, options.namespace, options.name))
        rotation = (body.get("status") or {}).get("rotation") or {}
        if rotation.get("phase") == "Refused":
            _tell(f"refused: {rotation['message']}")
            return 1
        if rotation.get("requestedAt", "") >= at:
            is_answered = True
            step = f"{rotation['phase']}: {rotation['message']}"
            if step != told:
                _tell(f"{step} ({passed:.0f} s)")
            told = step
            if rotation["phase"] == "Complete":
                return 0
        elif not is_answered and passed > _SILENT_SECONDS:
            is_answered = True
            _tell(
                "the operator has not answered yet; does it run? "
                f"kubectl get pods -n {platform.operator_namespace}"
            )
        await asyncio.sleep(_POLL_SECONDS)
    _tell(
        f"not complete after {options.timeout:.0f} s; it goes on. The old logins stay until then. "
        f"kubectl shop status -n {options.namespace} {options.name} says what it waits for"
    )
    return 1


def _check(body: Manifest) -> None:
    """Raise NotRotatedError where the operator would not follow the request."""
    service = parse(body)
    name = f"{service.namespace}/{service.name}"
    if service.deleting:
        raise NotRotatedError(f"{name} is being deleted")
    policy = service.spec.management_policy
    if policy != "Enforce":
        raise NotRotatedError(
            f"{name} has managementPolicy {policy}, so nothing is written; first kubectl shop "
            f"resume -n {service.namespace} {service.name}"
        )
    if not service.has_access_secret:
        raise NotRotatedError(
            f"{name} has no database, cache or queue, so the operator makes no login for it; what "
            "is in secrets.files is rotated where it is written"
        )


def _next_time(body: Manifest) -> str:
    """Return now, or a second after the last request where a clock went ahead of this one."""
    metadata, status = body["metadata"], body.get("status") or {}
    earlier = [
        (metadata.get("annotations") or {}).get(ROTATE_ANNOTATION),
        (status.get("rotation") or {}).get("requestedAt"),
    ]
    now = datetime.now(UTC)
    for text in filter(None, earlier):
        if (last := moment(text)) is not None:  # else somebody's own words, which this replaces
            now = max(now, last + timedelta(seconds=1))
    return timestamp(now)


def _seconds(text: str) -> float:
    """Return a positive number of seconds. Raises ArgumentTypeError, which argparse reports."""
    try:
        found = float(text)
    except ValueError:
        found = 0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return found


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
