"""What a query asks for: which metrics, by which labels."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser as parser

from shop_observability.panels import Board

# What Grafana puts in before it asks: docs of Grafana, "Global variables".
_VARIABLES: Mapping[str, str] = {
    "$__rate_interval": "5m",
    "$__range": "1h",
    "$namespace": "shop",
    "$service": ".+",
}


@dataclass(frozen=True, kw_only=True)
class Use:
    """A metric that a query selects, and the labels that the query names of it."""

    metric: str
    labels: frozenset[str]


def filled(expr: str, variables: Mapping[str, str] = _VARIABLES) -> str:
    """Return a panel's query with values in place of Grafana's variables."""
    for name in sorted(variables, key=len, reverse=True):
        expr = expr.replace(name, variables[name])
    return expr


def board_queries(boards: Iterable[Board]) -> Iterator[tuple[str, str]]:
    """Yield where each query of the dashboards is, and the query with its variables filled in."""
    for board in boards:
        for panel in board.panels():
            for query in panel.queries:
                yield f"{board.uid}: {panel.title}", filled(query.expr)


def uses(expr: str) -> list[Use]:
    """Return what a query selects.

    Labels of an aggregation or a matching count for each metric below it.

    Raises:
        ValueError: it is no PromQL.

    """
    return list(_uses(parser.parse(expr), frozenset()))


def _uses(node: Any, outer: frozenset[str]) -> Iterator[Use]:  # noqa: ANN401 - the parser's tree is untyped
    match node:
        case parser.VectorSelector():
            own = {matcher.name for matcher in node.matchers.matchers}
            yield Use(metric=str(node.name), labels=outer | own)
        case parser.MatrixSelector():
            yield from _uses(node.vector_selector, outer)
        case parser.AggregateExpr():
            yield from _uses(node.expr, outer | _labels(node.modifier))
        case parser.BinaryExpr():
            matching = node.modifier and node.modifier.matching
            both = outer | _labels(matching)
            yield from _uses(node.lhs, both)
            yield from _uses(node.rhs, _labels(matching) if _is_condition(node) else both)
        case parser.Call():
            for argument in node.args:
                yield from _uses(argument, outer)
        case parser.ParenExpr() | parser.UnaryExpr() | parser.SubqueryExpr():
            yield from _uses(node.expr, outer)
        case parser.NumberLiteral() | parser.StringLiteral():
            pass
        case _:
            raise ValueError(f"a {type(node).__name__} in a query: nobody taught that here")


def _is_condition(node: Any) -> bool:  # noqa: ANN401 - the parser's tree is untyped
    """Tell whether the right side only decides which series of the left there are."""
    matching = node.modifier and node.modifier.matching
    on = matching is not None and matching.type == parser.LabelModifierType.Include
    return on and str(node.op) in {"and", "unless"}


def _labels(modifier: Any) -> frozenset[str]:  # noqa: ANN401 - of two kinds, alike in this
    return frozenset(modifier.labels) if modifier else frozenset()
