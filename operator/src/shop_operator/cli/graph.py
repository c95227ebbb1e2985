"""`kubectl shop graph`: services, topics, stores and routes as one picture, Mermaid or DOT."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.cli.status import add_all_namespaces, services
from shop_operator.metadata import Manifest
from shop_operator.settings import Settings
from shop_operator.spec import InvalidSpecError, ShopService, parse

_MERMAID: Final = {
    "service": ("[", "]"),
    "topic": ("[[", "]]"),
    "store": ("[(", ")]"),
    "route": ("([", "])"),
}
_DOT: Final = {"service": "box", "topic": "cds", "store": "cylinder", "route": "oval"}


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """A service, topic, store or route; `kind` is one of these words."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """An arrow, with a word on it or none."""

    source: Node
    target: Node
    label: str = ""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the command."""
    command = commands.add_parser(
        "graph", parents=[common], help="draw services, topics, stores and routes"
    )
    add_all_namespaces(command)
    command.add_argument(
        "-o", "--output", choices=["mermaid", "dot", "json"], default="mermaid", help="(mermaid)"
    )
    command.set_defaults(run=_graph)


async def _graph(client: ApiClient, platform: Settings, options: argparse.Namespace) -> int:
    _ = platform
    bodies = await services(client, options)
    found = edges(bodies, with_namespace=options.all_namespaces)
    draw = {"mermaid": mermaid, "dot": dot, "json": _json}[options.output]
    sys.stdout.write("\n".join(draw(found)) + "\n")
    return 0


def edges(bodies: Sequence[Manifest], *, with_namespace: bool = False) -> list[Edge]:
    """Return the arrows between what ShopServices declare, sorted.

    Raises InvalidSpecError.
    """
    parsed = map(_parsed, bodies)
    return sorted({edge for each in parsed for edge in _of(each, with_namespace=with_namespace)})


def _parsed(body: Manifest) -> ShopService:
    try:
        return parse(body)
    except InvalidSpecError as error:
        metadata = body["metadata"]
        raise InvalidSpecError(f"{metadata['namespace']}/{metadata['name']}: {error}") from error


def _of(service: ShopService, *, with_namespace: bool) -> Iterator[Edge]:
    spec = service.spec
    node = Node("service", str(service.key) if with_namespace else service.name)
    if spec.database is not None:
        yield Edge(node, Node("store", f"{spec.database.kind}: {spec.database.name}"))
    if spec.cache is not None:
        yield Edge(node, Node("store", spec.cache.kind))
    if spec.queue is not None:
        yield Edge(node, Node("store", spec.queue["kind"]))
    for topic in spec.events.publishes:
        yield Edge(node, Node("topic", topic.topic))
    for each in spec.events.subscribes:
        yield Edge(Node("topic", each.topic), node, each.group)
    if spec.route is not None:
        for path in spec.route.paths:
            yield Edge(Node("route", f"{spec.route.host or ''}{path}"), node, spec.route.via)


def mermaid(found: Sequence[Edge]) -> Iterator[str]:
    """Yield the lines of a Mermaid flowchart."""
    ids = _ids(found)
    yield "flowchart LR"
    for node, word in ids.items():
        opening, closing = _MERMAID[node.kind]
        yield f'  {word}{opening}"{_quoted(node.name)}"{closing}'
    for edge in found:
        arrow = f'-- "{_quoted(edge.label)}" -->' if edge.label else "-->"
        yield f"  {ids[edge.source]} {arrow} {ids[edge.target]}"


def dot(found: Sequence[Edge]) -> Iterator[str]:
    """Yield the lines of a Graphviz digraph."""
    ids = _ids(found)
    yield "digraph shop {"
    yield "  rankdir=LR"
    for node, word in ids.items():
        yield f"  {word} [label={json.dumps(node.name)} shape={_DOT[node.kind]}]"
    for edge in found:
        label = f" [label={json.dumps(edge.label)}]" if edge.label else ""
        yield f"  {ids[edge.source]} -> {ids[edge.target]}{label}"
    yield "}"


def _json(found: Sequence[Edge]) -> Iterator[str]:
    yield json.dumps([asdict(edge) for edge in found], indent=2)


def _ids(found: Sequence[Edge]) -> dict[Node, str]:
    """Return a word for each node that both languages take as a name."""
    nodes = sorted({node for edge in found for node in (edge.source, edge.target)})
    return {node: f"n{number}" for number, node in enumerate(nodes)}


def _quoted(text: str) -> str:
    return text.replace('"', "#quot;")
