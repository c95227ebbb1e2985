"""`kubectl shop status [name]`: a service, its conditions and its children as a tree."""

import argparse
from collections.abc import Iterator
from functools import partial
from typing import Any

from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import SHOP_SERVICE
from shop_operator.cli import names
from shop_operator.cli.output import add_format, show
from shop_operator.cli.patience import patiently
from shop_operator.metadata import Manifest
from shop_operator.settings import Settings

_MARKS = {"True": "✔", "False": "✘", "Unknown": "…"}


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the command."""
    command = commands.add_parser(
        "status", parents=[common], help="show services and what belongs to them"
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument("name", nargs="?", type=names.name, help="the service; all when absent")
    add_all_namespaces(which)
    add_format(command)
    command.set_defaults(run=_status)


async def _status(client: ApiClient, platform: Settings, options: argparse.Namespace) -> int:
    _ = platform
    if options.name:
        bodies = [await client.get(SHOP_SERVICE, options.namespace, options.name)]
    else:
        bodies = await services(client, options)
    text = "\n".join(
        line for body in bodies for line in tree(body, with_namespace=options.all_namespaces)
    )
    show([_data(body) for body in bodies], text or "no ShopServices", options.output)
    return 0 if all(ready(body) == "True" for body in bodies) else 1


def add_all_namespaces(command: argparse._ActionsContainer) -> None:
    """Add `-A`."""
    command.add_argument("-A", "--all-namespaces", action="store_true", help="in every namespace")


async def services(client: ApiClient, options: argparse.Namespace) -> list[Manifest]:
    """Return the ShopServices of the namespace, or with `-A` of all. Raises ApiError."""
    namespace = "" if options.all_namespaces else options.namespace
    listed = await patiently(partial(client.list, SHOP_SERVICE, namespace, recent=True))
    found: list[Manifest] = listed["items"]
    return found


def tree(body: Manifest, *, with_namespace: bool = False) -> Iterator[str]:
    """Yield the lines that show one service."""
    status = body.get("status") or {}
    metadata = body["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}" if with_namespace else metadata["name"]
    pods = f"{status.get('readyReplicas', 0)}/{status.get('replicas', 0)} pods"
    parts = [name, pods, status.get("url", ""), _policy(body)]
    yield f"{_MARKS[ready(body)]} " + "  ".join(part for part in parts if part)
    if status.get("observedGeneration") != metadata.get("generation"):
        yield "  (the operator has not looked at the newest spec yet)"
    conditions = status.get("conditions") or ()
    parts_of_it = [condition for condition in conditions if condition["type"] != "Ready"]
    for condition in parts_of_it or conditions:  # Ready alone: it is paused, or being deleted
        mark = _MARKS[condition["status"]]
        yield f"  {mark} {condition['type']}: {condition['reason']} — {condition['message']}"
    children = status.get("children") or ()
    for number, child in enumerate(children, start=1):
        branch = "└─" if number == len(children) else "├─"
        place = f" ({child['namespace']})" if "namespace" in child else ""
        mark = _MARKS[child.get("ready", "Unknown")]
        yield f"  {branch} {mark} {child['kind']} {child['name']}{place}"
    rotation = status.get("rotation") or {}
    if rotation.get("phase", "Complete") != "Complete":
        yield f"  rotation of logins: {rotation['phase']}: {rotation['message']}"
    drift = status.get("lastDrift")
    if drift:
        what = drift["field"] or "deleted"
        yield f"  last drift: {drift['kind']} {drift['name']}: {what} at {drift['at']}"


def ready(body: Manifest) -> str:
    """Return the status of the Ready condition; Unknown before the operator saw this spec."""
    generation = body["metadata"].get("generation")
    for condition in (body.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition.get("observedGeneration") == generation:
            return str(condition["status"])
    return "Unknown"


def _policy(body: Manifest) -> str:
    policy = body["spec"].get("managementPolicy", "Enforce")
    return "" if policy == "Enforce" else f"[{policy}]"


def _data(body: Manifest) -> dict[str, Any]:
    metadata = body["metadata"]
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "ready": ready(body),
        "status": body.get("status") or {},
    }
