"""`kubectl shop logs NAME`: what the pods of a service say, by kubectl."""

import argparse
from typing import Final

from shop_operator.cli import kubectl, names
from shop_operator.metadata import NAME_LABEL

_MANY_PODS: Final = 50


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the command."""
    command = commands.add_parser("logs", parents=[common], help="show what a service's pods say")
    command.add_argument("name", type=names.name, help="the service")
    command.add_argument("-f", "--follow", action="store_true", help="go on as they say more")
    command.add_argument("--tail", type=int, default=100, help="lines of each pod (100)")
    command.add_argument("-p", "--previous", action="store_true", help="of the containers before")
    command.add_argument("-c", "--container", help="only this one, such as migrate (all)")
    command.set_defaults(here=_logs)


def _logs(options: argparse.Namespace) -> int:
    """Return the exit code."""
    words = ["logs", f"--selector={NAME_LABEL}={options.name}", "--prefix"]
    words += [f"--tail={options.tail}", f"--max-log-requests={_MANY_PODS}"]
    words.append(f"--container={options.container}" if options.container else "--all-containers")
    words += [f"--namespace={options.namespace}"] if options.namespace else []
    words += ["--follow"] if options.follow else []
    words += ["--previous"] if options.previous else []
    return kubectl.run(*words)
