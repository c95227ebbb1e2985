"""Completion, generated from the command line parser.

kubectl asks a plugin's completions of an executable `kubectl_complete-shop`: it is called with
the words so far and prints one candidate a line, then a line with a colon and a directive
(Kubernetes documentation, "kubectl plugins": completion; 4 is "no file names"). Bash asks
`kubectl-shop` itself by the script of `kubectl shop completion`, which calls the same program.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from itertools import pairwise

from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import SHOP_SERVICE

SCRIPT = """\
_kubectl_shop() {
    local IFS=$'\\n'
    COMPREPLY=($(kubectl_complete-shop "${COMP_WORDS[@]:1:COMP_CWORD}" | grep -v '^:'))
}
complete -o default -F _kubectl_shop kubectl-shop
"""
_NO_FILES = ":4"
_WITH_FILES = ":0"


def complete(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """Return the candidates for the last of the words, and the directive."""
    *before, current = words or [""]
    command, positionals = parser, 0
    for previous, word in pairwise(["", *before]):
        choices = _subcommands(command)
        if word in choices:
            command, positionals = choices[word], 0
        elif not word.startswith("-") and not _takes_value(command, previous):
            positionals += 1
    if before and before[-1] in {"-f", "--filename", "--kubeconfig"}:
        return [_WITH_FILES]
    if before and _takes_value(command, before[-1]):
        candidates = _choices(command, before[-1])
    elif current.startswith("-"):
        options = (option for each in _actions(command) for option in each.option_strings)
        candidates = list(options)
    elif choices := _subcommands(command):
        candidates = list(choices)
    elif positionals == 0 and any(action.dest == "name" for action in _actions(command)):
        candidates = asyncio.run(_names(_namespace(before)))
    else:
        candidates = []
    return [*(each for each in candidates if each.startswith(current)), _NO_FILES]


async def _names(namespace: str | None) -> list[str]:
    """Return the names of the ShopServices; none where the cluster does not answer."""
    try:
        at = namespace or connection.login().default_namespace or "default"
        async with ApiClient(connection.login) as client:
            listed = await client.list(SHOP_SERVICE, at, recent=True)
    except (connection.NoClusterError, ApiError):
        return []
    return [body["metadata"]["name"] for body in listed["items"]]


def _namespace(words: Sequence[str]) -> str | None:
    for word, following in pairwise(words):
        if word in {"-n", "--namespace"}:
            return following
    return None


def _takes_value(command: argparse.ArgumentParser, option: str) -> bool:
    return any(option in each.option_strings and each.nargs != 0 for each in _actions(command))


def _choices(command: argparse.ArgumentParser, option: str) -> list[str]:
    """Return the words that an option takes; none where it takes any."""
    actions = (each for each in _actions(command) if option in each.option_strings)
    return [choice for each in actions for choice in each.choices or ()]


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return parser._actions  # noqa: SLF001 - argparse has no other way to ask


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in _actions(parser):
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - see above
            return dict(action.choices)
    return {}


def cli() -> None:
    """Run `kubectl_complete-shop`."""
    from shop_operator.cli.main import parser  # noqa: PLC0415 - it imports this module

    sys.stdout.write("\n".join(complete(parser(), sys.argv[1:])) + "\n")
