"""`kubectl shop`: what is declared, what is there, and what would change.

Exit codes: 0 all is well, or nothing would change; 1 something would change (plan) or is not ready
(status); 2 a wrong call; 3 the cluster refused, or does not answer.
"""

import argparse
import asyncio
import io
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_settings import SettingsError

from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.cli import (
    completion,
    dead_letters,
    graph,
    init,
    logs,
    names,
    plan,
    policy,
    restart,
    rotate,
    status,
    trace,
)
from shop_operator.cli.platform import platform_of
from shop_operator.settings import WRONG_SETTINGS, Settings, what_is_wrong
from shop_operator.spec import InvalidSpecError

WRONG: Final = 2
REFUSED: Final = 3
INTERRUPTED: Final = 130
UNREAD: Final = 141
"""As a shell says of a program that SIGPIPE ended."""
ERRORS: Final = (
    connection.NoClusterError,
    plan.UnreadableError,
    init.NotMadeError,
    rotate.NotRotatedError,
    *WRONG_SETTINGS,
    ApiError,
    InvalidSpecError,
)
Command = Callable[[ApiClient, Settings, argparse.Namespace], Awaitable[int]]


def cli() -> None:
    """Run `kubectl-shop`."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal or file may not take every character
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = UNREAD
    except OSError as error:  # such as a disk that is full
        sys.stderr.write(f"kubectl shop: {error}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = WRONG
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code."""
    options = parser().parse_args(arguments)
    if options.command == "completion":
        sys.stdout.write(completion.SCRIPT)
        return 0
    if options.kubeconfig:
        os.environ["KUBECONFIG"] = str(options.kubeconfig)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    except ERRORS as error:
        return _failed(error)


def parser() -> argparse.ArgumentParser:
    """Return the command line parser. Each command is a module with `add_to`."""
    cluster = argparse.ArgumentParser(add_help=False)
    cluster.add_argument("--kubeconfig", type=Path, help="kubeconfig to use")
    common = argparse.ArgumentParser(add_help=False, parents=[cluster])
    common.add_argument("-n", "--namespace", type=names.name, help="namespace (the context's)")
    top = argparse.ArgumentParser(prog="kubectl shop", description=__doc__)
    top.set_defaults(kubeconfig=None, namespace=None)
    commands = top.add_subparsers(dest="command", required=True)
    for room in (plan, status, graph, logs, restart, rotate, policy, init):
        room.add_to(commands, common)
    for room in (dead_letters, trace):  # Kafka is one for all namespaces
        room.add_to(commands, cluster)
    commands.add_parser("completion", help="print what makes bash complete kubectl-shop")
    return top


def _run(options: argparse.Namespace) -> int:
    """Run a command: `here` asks nobody, `alone` asks Kafka, `run` the API server."""
    if "here" in options:
        return int(options.here(options))
    if "alone" in options:
        return int(asyncio.run(options.alone(Settings(), options)))
    if options.namespace is None:
        options.namespace = connection.login().default_namespace or "default"
    return asyncio.run(_ask(options.run, options))


async def _ask(command: Command, options: argparse.Namespace) -> int:
    async with ApiClient(connection.login) as client:
        return await command(client, await platform_of(client), options)


def _failed(error: Exception) -> int:
    """Say in one line what went wrong; return the exit code."""
    message, code = str(error), WRONG
    match error:
        case ValidationError() | SettingsError():
            message = what_is_wrong(error)
        case NotFoundError():
            message = f"{error}; is the name right, and the ShopService CRD installed?"
            code = REFUSED
        case ApiError() | InvalidSpecError():
            code = REFUSED
    sys.stderr.write(f"kubectl shop: {message}\n")
    return code


if __name__ == "__main__":
    cli()
