"""`kubectl shop restart NAME`: new pods for a service, one after another."""

import argparse
import sys
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import DEPLOYMENT, SHOP_SERVICE
from shop_operator.cli import names
from shop_operator.cli.output import CLI_MANAGER
from shop_operator.metadata import timestamp
from shop_operator.settings import Settings

_ANNOTATION: Final = "kubectl.kubernetes.io/restartedAt"
"""As `kubectl rollout restart` sets it; the operator leaves others' annotations alone."""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the command."""
    command = commands.add_parser("restart", parents=[common], help="replace a service's pods")
    command.add_argument("name", type=names.name, help="the service")
    command.set_defaults(run=_restart)


async def _restart(client: ApiClient, platform: Settings, options: argparse.Namespace) -> int:
    _ = platform
    place = options.namespace, options.name
    await client.get(SHOP_SERVICE, *place)  # a Deployment of that name may be somebody else's
    at = timestamp()
    template = {"metadata": {"annotations": {_ANNOTATION: at}}}
    await client.merge(DEPLOYMENT, *place, {"spec": {"template": template}}, manager=CLI_MANAGER)
    sys.stdout.write(f"{options.namespace}/{options.name}: new pods replace the old ones\n")
    return 0
