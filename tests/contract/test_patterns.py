"""No pattern takes another script's digits or letters for ASCII ones.

`\\d`, `\\w`, `\\s` and `\\b` stand for every script's in Python's `re` of strings and in pydantic's
engine: "+4" and eight Arabic digits is no phone number that anybody could call.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.services import FOLDER

SOURCES = sorted(FOLDER.glob("*/src/**/*.py"))
UNICODE_CLASS = re.compile(r"(?<!\\)(?:\\\\)*\\[dDwWsSbBpP]")


def patterns(source: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each regular expression of strings in a source file."""
    for node in ast.walk(ast.parse(source.read_text())):
        if not isinstance(node, ast.Call):
            continue
        given = [keyword.value for keyword in node.keywords if keyword.arg in {"pattern", "regex"}]
        function = ast.unparse(node.func)
        if function.startswith("re.") and "re.ASCII" not in ast.unparse(node):
            given += node.args[:1]
        for constant in given:
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                yield node.lineno, constant.value


def test_there_are_patterns() -> None:
    assert sum(1 for source in SOURCES for _ in patterns(source)) > 10


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_pattern_has_a_class_of_every_script(source: Path) -> None:
    found = [item for item in patterns(source) if UNICODE_CLASS.search(item[1])]
    assert not found
