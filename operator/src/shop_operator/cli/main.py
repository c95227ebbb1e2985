"""`kubectl shop`: plan, status, pause and resume of ShopServices; dead letters and traces.

Exit codes: 0 all is well, or nothing would change; 1 something would change (plan) or is not ready
(status); 2 a wrong call; 3 the cluster refused, or does not answer.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.cli import completion, dead_letters, plan, policy, status, trace
from shop_operator.settings import Settings
from shop_operator.spec import InvalidSpecError

REFUSED: Final = 3
Command = Callable[[ApiClient, Settings, argparse.Namespace], Awaitable[int]]


def cli() -> None:
    """Run `kubectl-shop`."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code."""
    options = parser().parse_args(arguments)
    if options.command == "completion":
        sys.stdout.write(completion.script(parser()))
        return 0
    if options.kubeconfig:
        os.environ["KUBECONFIG"] = str(options.kubeconfig)
    try:
        if "alone" in options:  # asks Kafka, not the API server
            code: int = asyncio.run(options.alone(Settings(), options))
            return code
        return asyncio.run(_run(options.run, options))
    except (connection.NoClusterError, plan.UnreadableError, ValidationError) as error:
        return _failed(str(error), 2)
    except NotFoundError as error:
        return _failed(f"{error}; is the name right, and the ShopService CRD installed?", REFUSED)
    except (ApiError, InvalidSpecError) as error:
        return _failed(str(error), REFUSED)


def parser() -> argparse.ArgumentParser:
    """Return the command line parser. Each command is a module with `add_to`."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--kubeconfig", type=Path, help="kubeconfig to use")
    common.add_argument("-n", "--namespace", default="shop", help="namespace (shop)")
    top = argparse.ArgumentParser(prog="kubectl shop", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    for room in (plan, status, policy, dead_letters, trace):
        room.add_to(commands, common)
    commands.add_parser("completion", help="print what makes bash complete kubectl-shop")
    return top


async def _run(command: Command, options: argparse.Namespace) -> int:
    async with ApiClient(connection.login) as client:
        return await command(client, Settings(), options)


def _failed(message: str, code: int) -> int:
    sys.stderr.write(f"kubectl shop: {message}\n")
    return code


if __name__ == "__main__":
    cli()
