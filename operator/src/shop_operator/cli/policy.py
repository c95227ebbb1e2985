"""`kubectl shop pause` and `resume`: set spec.managementPolicy."""

import argparse
import sys

from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import SHOP_SERVICE
from shop_operator.cli import names
from shop_operator.cli.output import CLI_MANAGER
from shop_operator.settings import Settings


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the commands."""
    for word, policy, what in (
        ("pause", "Paused", "leave a service and its children alone"),
        ("resume", "Enforce", "keep a service as declared again"),
    ):
        command = commands.add_parser(word, parents=[common], help=what)
        command.add_argument("name", type=names.name, help="the service")
        command.set_defaults(run=_set, policy=policy)


async def _set(client: ApiClient, platform: Settings, options: argparse.Namespace) -> int:
    _ = platform
    patch = {"spec": {"managementPolicy": options.policy}}
    place = options.namespace, options.name
    await client.merge(SHOP_SERVICE, *place, patch, manager=CLI_MANAGER)
    sys.stdout.write(f"{options.namespace}/{options.name}: {options.policy}\n")
    return 0
