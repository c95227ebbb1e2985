"""`kubectl shop plan -f x.yaml`: what an apply would change, by dry run; nothing is written."""

import argparse
import asyncio
import difflib
import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

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
from shop_operator.apply.owner import is_ours
from shop_operator.apply.result import BEFORE_PODS, not_owned
from shop_operator.children.access_secret import Login
from shop_operator.cli.client_side_apply import LAST_APPLIED, apply_patch, is_applied_by_the_server
from shop_operator.cli.names import is_name
from shop_operator.cli.output import add_format, show
from shop_operator.cli.patience import patiently
from shop_operator.metadata import APPLIED_ANNOTATION, NAMESPACE_LABEL, SERVICE_LABEL, Manifest
from shop_operator.render import render
from shop_operator.settings import Settings
from shop_operator.spec import ShopService, parse
from shop_operator.stores.access import known_access

_HIDDEN: Final = "(not shown)"
_UNKNOWN: Final = Login("unknown", "unknown")
_BOOKKEEPING: Final = frozenset({APPLIED_ANNOTATION, LAST_APPLIED})


class UnreadableError(Exception):
    """The file can't be read, or holds no ShopService."""


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one object; `action` is one of the keys of `_MARKS`."""

    action: str
    kind: str
    name: str
    diff: str = ""
    """Lines of the difference, or why the object is refused or left alone."""


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
        body["metadata"]["namespace"] = body["metadata"].get("namespace") or options.namespace
        changes += [change async for change in _changes(client, platform, body)]
    count = len(changes)
    text = "\n".join(_told(change) for change in changes)
    summary = f"{count} changes" if count != 1 else "1 change"
    data = [{"action": c.action, "kind": c.kind, "name": c.name, "diff": c.diff} for c in changes]
    show(data, f"{text}\n\n{summary}" if count else "nothing would change", options.output)
    return 1 if changes else 0


def _read(path: Path) -> list[Manifest]:
    try:
        # YAML is UTF-8, whatever the locale is.
        text = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        bodies = [each for body in yaml.safe_load_all(text) for each in _items(body)]
    # ValueError: a date that is none; TypeError: a date as a key.
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise UnreadableError(f"{path}: {error}") from error
    found = [body for body in bodies if body.get("kind") == SHOP_SERVICE.kind]
    for body in found:
        metadata = body.get("metadata")
        if not isinstance(metadata, dict) or not is_name(metadata.get("name")):
            raise UnreadableError(f"{path}: a ShopService needs metadata.name, a name")
        if metadata.get("namespace") is not None and not is_name(metadata["namespace"]):
            raise UnreadableError(
                f"{path}: {metadata['name']} has metadata.namespace {metadata['namespace']!r}, "
                "which is no name"
            )
        if body.get("apiVersion") != SHOP_SERVICE.api_version:
            raise UnreadableError(
                f"{path}: {metadata['name']} is of {body.get('apiVersion')}, not of "
                f"{SHOP_SERVICE.api_version}"
            )
    if not found:
        raise UnreadableError(f"{path} holds no ShopService")
    return found


def _items(body: object) -> list[Manifest]:
    """Return the objects in a document: itself, or those of a List, as kubectl writes them."""
    # As JSON, whose keys are text and which has no dates: so kubectl sends it.
    found = json.loads(json.dumps(body, default=str))
    if not isinstance(found, dict):
        return []
    is_list = found.get("kind") == "List" and isinstance(found.get("items"), list)
    return [each for each in (found["items"] if is_list else [found]) if isinstance(each, dict)]


async def _changes(client: ApiClient, platform: Settings, body: Manifest) -> AsyncIterator[Change]:
    before = await _get(client, body)
    accepted = await _accepted(client, body, before)
    change = _change(before, accepted)
    if change is not None:
        yield change
    service = parse(accepted)
    policy = service.spec.management_policy
    if policy != "Enforce":
        yield Change("keep", "children", "of " + service.name, f"managementPolicy is {policy}")
        return
    live = {identity(child): child for child in await _live(client, platform, service)}
    known = known_access(service, list(live.values()))
    access = replace(
        known,
        owner=known.owner or "new",
        capture=known.capture or "new",
        redis=known.redis or _UNKNOWN,
        rabbitmq=known.rabbitmq or _UNKNOWN,
    )
    wanted = {
        identity(child): child
        for child in map(with_applied_hash, render(service, platform, access))
    }
    refused: set[str] = set()
    for child, manifest in wanted.items():
        if manifest["kind"] == "Deployment" and (first := min(refused & BEFORE_PODS, default="")):
            yield Change("keep", "Deployment", service.name, f"its {first} is refused")
            continue
        change = await _child_change(client, service, manifest, live.get(child))
        if change is not None:
            refused |= {change.kind} if change.action == "refused" else set()
            yield change
    for child, manifest in live.items():
        if child not in wanted:
            yield Change("delete", manifest["kind"], manifest["metadata"]["name"])


async def _accepted(client: ApiClient, body: Manifest, before: Manifest | None) -> Manifest:
    """Return the ShopService as it would be stored after `kubectl apply` of the file."""
    if before is None or is_applied_by_the_server(before):
        return await client.apply(body, dry_run=True, manager="kubectl")
    metadata = body["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    patch = apply_patch(body, before)
    return await client.merge(SHOP_SERVICE, namespace, name, patch, dry_run=True)


async def _child_change(
    client: ApiClient, service: ShopService, manifest: Manifest, live: Manifest | None
) -> Change | None:
    """Return what would become of one desired child, None if nothing would."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    try:
        if live is None:
            live = await _get(client, manifest)
            if live is not None and not is_ours(service, live):
                return Change("refused", kind, name, not_owned(manifest, live).message)
        if kind == SECRET.kind and live is not None:
            return _secret_change(live, manifest)
        after = await client.apply(manifest, dry_run=True)
    except NotFoundError:
        return Change("skip", kind, name)
    except ApiError as error:
        return Change("refused", kind, name, str(error))
    return _change(live, after)


def _secret_change(live: Manifest, manifest: Manifest) -> Change | None:
    """Compare the names in a Secret; comparing the passwords would only leak them."""
    had, wanted = set(live.get("data") or {}), set(manifest["data"])
    lines = [f"-{name}" for name in sorted(had - wanted)]
    lines += [f"+{name}: {_HIDDEN}" for name in sorted(wanted - had)]
    if not lines:
        return None
    return Change("change", SECRET.kind, manifest["metadata"]["name"], "\n".join(lines))


async def _get(client: ApiClient, manifest: Manifest) -> Manifest | None:
    metadata = manifest["metadata"]
    kind = kind_of(manifest)
    try:
        found = await client.get(kind, metadata["namespace"], metadata["name"])
    except NotFoundError:
        return None
    return {"apiVersion": kind.api_version, "kind": kind.kind, **found}


async def _live(client: ApiClient, platform: Settings, service: ShopService) -> list[Manifest]:
    places = [(kind, service.namespace) for kind in IN_SERVICE_NAMESPACES if kind is not POD]
    places += [(kind, platform.kafka_namespace) for kind in IN_KAFKA_NAMESPACE]
    labels = f"{SERVICE_LABEL}={service.name},{NAMESPACE_LABEL}={service.namespace}"
    found = []
    for kind, namespace in dict.fromkeys(places):
        try:
            ask = partial(client.list, kind, namespace, labels=labels, recent=True)
            listed = await patiently(ask)
        except NotFoundError:
            continue
        for item in listed["items"]:
            child = {"apiVersion": kind.api_version, "kind": kind.kind, **item}
            if is_ours(service, child):
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
    """Return what a person would write: no bookkeeping, no secrets."""
    metadata = manifest["metadata"]
    annotations = {
        name: value
        for name, value in (metadata.get("annotations") or {}).items()
        if name not in _BOOKKEEPING
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


_MARKS: Final = {
    "create": "+",
    "change": "~",
    "delete": "-",
    "skip": "?",
    "refused": "!",
    "keep": "=",
}


def _told(change: Change) -> str:
    head = f"{_MARKS[change.action]} {change.action} {change.kind} {change.name}"
    if change.action == "skip":
        return f"{head} (the cluster does not know this kind)"
    if change.action == "create":
        return head
    return f"{head}\n{_indented(change.diff)}" if change.diff else head


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
