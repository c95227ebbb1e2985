"""The operator's pages say what the code does."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import shop_operator

from ..reference import ROOT, pages, written  # noqa: TID252 - tests are no installed package

_REASON = re.compile(r"[A-Z][a-z]+([A-Z][A-Za-z]+)*")

_FAILURES = ("Error", "Failure")


def test_no_page_is_stale() -> None:
    for path, generated in pages().items():
        page = path.read_text()
        assert page == written(page, generated), f"{path.name}: run make docs-operator"


def test_each_reason_for_which_something_is_not_ready_has_a_line_of_what_to_do() -> None:
    page = (ROOT / "docs" / "operator.md").read_text()
    found = {each for file in _sources() for each in _reasons(ast.parse(file.read_text()))}
    assert len(found) > 35
    assert not {each for each in found if f"`{each}`" not in page}


def _sources() -> Iterator[Path]:
    return Path(shop_operator.__path__[0]).rglob("*.py")


def _reasons(tree: ast.AST) -> Iterator[str]:
    """Yield what stands behind a condition's "False" or "Unknown", or is given as a reason."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=row) | ast.Tuple(elts=row):
                for status, reason in pairwise(row):
                    if isinstance(status, ast.Constant) and status.value in {"False", "Unknown"}:
                        yield from _texts(reason)
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(_FAILURES):
                    yield from _texts(row[0]) if row else ()
            case ast.keyword(arg="reason", value=value):
                yield from _texts(value)


def _texts(node: ast.expr) -> Iterator[str]:
    """Yield the reasons that an expression may be: one, or one of several."""
    match node:
        case ast.Constant(value=str(text)) if _REASON.fullmatch(text):
            yield text
        case ast.BoolOp(values=several):
            for each in several:
                yield from _texts(each)
        case ast.IfExp(body=one, orelse=other):
            yield from (*_texts(one), *_texts(other))
