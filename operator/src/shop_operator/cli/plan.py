"""`kubectl shop plan -f x.yaml`: what would change, by server-side dry run."""

import argparse
import asyncio
import difflib
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.api.kinds import (
    IN_KAFKA_NAMESPACE,
    IN_SERVICE_NAMESPACES,
    POD,
    SECRET,
    SHOP_SERVICE,
    kind_of,
)
from shop_operator.apply.children import identity, with_applied_hash
from shop_operator.children.access_secret import Access, Login
from shop_operator.cli.output import add_format, show
from shop_operator.metadata import APPLIED_ANNOTATION, Manifest, key_of
from shop_operator.render import render
from shop_operator.settings import Settings
from shop_operator.spec import ShopService, parse
from shop_operator.stores.provisioning import known_access

_HIDDEN = "(not shown)"
_UNKNOWN = Login("unknown", "unknown")


class UnreadableError(Exception):
    """The file can't be read, or holds no ShopService."""


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one object."""

    action: str
    kind: str
    name: str
    diff: str = ""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the command."""
    command = commands.add_parser("plan", parents=[common], help="show what a file would change")
    command.add_argument("-f", "--filename", required=True, type=Path, help="file, or - for stdin")
    add_format(command)
    command.set_defaults(run=_plan)


async def _plan(client: ApiClient, platform: Settings, options: argparse.Namespace) -> int:
    changes: list[Change] = []
    for body in await asyncio.to_thread(_read, options.filename):
        body["metadata"].setdefault("namespace", options.namespace)
        changes += [change async for change in _changes(client, platform, body)]
    count = len(changes)
    text = "\n".join(_told(change) for change in changes)
    summary = f"{count} changes" if count != 1 else "1 change"
    data = [{"action": c.action, "kind": c.kind, "name": c.name, "diff": c.diff} for c in changes]
    show(data, f"{text}\n\n{summary}" if count else "nothing would change", options.output)
    return 1 if changes else 0


def _read(path: Path) -> list[Manifest]:
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text()
        bodies = [body for body in yaml.safe_load_all(text) if body]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UnreadableError(f"{path}: {error}") from error
    found = [b for b in bodies if isinstance(b, dict) and b.get("kind") == SHOP_SERVICE.kind]
    if not found or any("name" not in (body.get("metadata") or {}) for body in found):
        raise UnreadableError(f"{path} holds no ShopService with a name")
    return found


async def _changes(client: ApiClient, platform: Settings, body: Manifest) -> AsyncIterator[Change]:
    before = await _get(client, body | {"apiVersion": SHOP_SERVICE.api_version})
    accepted = await client.apply(body, dry_run=True, manager="kubectl")
    change = _change(before, accepted)
    if change is not None:
        yield change
    service = parse(accepted)
    live = {identity(child): child for child in await _live(client, platform, service)}
    known = known_access(service, list(live.values()))
    access = Access(known.owner or "new", known.capture or "new", _UNKNOWN, _UNKNOWN)
    wanted = {
        identity(child): child
        for child in map(with_applied_hash, render(service, platform, access))
    }
    for child, manifest in wanted.items():
        if manifest["kind"] == SECRET.kind and child in live:
            continue  # comparing passwords here would only leak them
        try:
            after = await client.apply(manifest, dry_run=True)
        except NotFoundError:
            yield Change("skip", manifest["kind"], manifest["metadata"]["name"])
            continue
        except ApiError as error:
            yield Change("refused", manifest["kind"], manifest["metadata"]["name"], str(error))
            continue
        change = _change(live.get(child), after)
        if change is not None:
            yield change
    for child, manifest in live.items():
        if child not in wanted:
            yield Change("delete", manifest["kind"], manifest["metadata"]["name"])


async def _get(client: ApiClient, manifest: Manifest) -> Manifest | None:
    metadata = manifest["metadata"]
    try:
        return await client.get(kind_of(manifest), metadata["namespace"], metadata["name"])
    except NotFoundError:
        return None


async def _live(client: ApiClient, platform: Settings, service: ShopService) -> list[Manifest]:
    places = [(kind, service.namespace) for kind in IN_SERVICE_NAMESPACES if kind is not POD]
    places += [(kind, platform.kafka_namespace) for kind in IN_KAFKA_NAMESPACE]
    labels = f"minishop.dev/service={service.name},minishop.dev/namespace={service.namespace}"
    found = []
    for kind, namespace in dict.fromkeys(places):
        try:
            listed = await client.list(kind, namespace, labels=labels, recent=True)
        except NotFoundError:
            continue
        for item in listed["items"]:
            child = {"apiVersion": kind.api_version, "kind": kind.kind, **item}
            if key_of(child) == service.key:
                found.append(child)
    return found


def _change(before: Manifest | None, after: Manifest) -> Change | None:
    kind, name = after["kind"], after["metadata"]["name"]
    lines = list(
        difflib.unified_diff(_lines(before), _lines(after), "now", "then", n=2, lineterm="")
    )
    if not lines:
        return None
    return Change("create" if before is None else "change", kind, name, "\n".join(lines[2:]))


def _lines(manifest: Manifest | None) -> list[str]:
    return [] if manifest is None else yaml.safe_dump(_essence(manifest)).splitlines()


def _essence(manifest: Mapping[str, Any]) -> Manifest:
    """Return what a person would write: no bookkeeping of the server, no secrets."""
    metadata = manifest["metadata"]
    annotations = {
        name: value
        for name, value in (metadata.get("annotations") or {}).items()
        if name != APPLIED_ANNOTATION
    }
    kept: Manifest = {"labels": metadata.get("labels"), "annotations": annotations}
    rest = {
        name: value
        for name, value in manifest.items()
        if name not in {"metadata", "status", "apiVersion", "kind"}
    }
    if "data" in rest and manifest["kind"] == SECRET.kind:
        rest["data"] = dict.fromkeys(rest["data"], _HIDDEN)
    return {"metadata": {name: value for name, value in kept.items() if value}, **rest}


def _told(change: Change) -> str:
    mark = {"create": "+", "change": "~", "delete": "-", "skip": "?", "refused": "!"}[change.action]
    head = f"{mark} {change.action} {change.kind} {change.name}"
    if change.action == "skip":
        return f"{head} (the cluster does not know this kind)"
    if change.action == "create":
        return head
    return f"{head}\n{_indented(change.diff)}" if change.diff else head


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
