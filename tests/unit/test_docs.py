"""What the pages name is there: links, files, make's words, the operator's settings."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_LISTED = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
FILES = {Path(line) for line in _LISTED.stdout.splitlines()}
PAGES = sorted(page for page in FILES if page.suffix == ".md")
OF_TODAY = [page for page in PAGES if "adr" not in page.parts and page.name != "CHANGELOG.md"]
"""A decision and a changelog name what was there in their day."""


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_each_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        path, _, anchor = link.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize("page", OF_TODAY, ids=str)
def test_each_file_that_is_named_is_there(page: Path) -> None:
    folders = {folder for file in FILES for folder in file.parents}
    tops = {folder.name for folder in folders if len(folder.parts) == 1}
    for code in _code(page):
        for path in re.findall(r"(?<![\w./:<>{$@-])[\w-]+/[\w./-]*\w(?![\w*<{…])", code):
            if path.split("/")[0] in tops and "NAME" not in path:
                assert Path(path) in FILES | folders, path
    names = {file.name for file in FILES}
    for name in re.findall(r"`(?:[\w/]+/)?(test_\w+\.py)", (ROOT / page).read_text()):
        assert name in names


@pytest.mark.parametrize("page", OF_TODAY, ids=str)
def test_each_word_of_make_is_one(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    words = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))
    for code in _code(page):
        for word in re.findall(r"(?:^|&& |\$ |=\S+ )make ([a-z][a-z0-9-]*)", code, re.MULTILINE):
            assert word in words, word


@pytest.mark.parametrize("page", [p for p in PAGES if p.parent.name == "services"], ids=str)
def test_each_metric_of_a_service_is_on_its_page(page: Path) -> None:
    folder = Path("services") / page.stem / "src"
    code = "\n".join(
        (ROOT / f).read_text() for f in FILES if f.is_relative_to(folder) and f.suffix == ".py"
    )
    for name in re.findall(r"\b(?:Counter|Gauge|Histogram)\(\s*\"(\w+)\"", code):
        assert name in (ROOT / page).read_text(), name


@pytest.mark.parametrize("page", OF_TODAY, ids=str)
def test_each_setting_is_read_and_has_a_meaning(page: Path) -> None:
    text = (ROOT / page).read_text()
    assert not re.findall(r"^\| `[A-Z_]+` \|.*\|  \|$", text, re.MULTILINE)
    sources = [file for file in FILES if file.suffix == ".py" and "tests" not in file.parts]
    code = "\n".join((ROOT / file).read_text() for file in sources)
    for name in re.findall(r"\bMINISHOP_([A-Z_]+[A-Z])", text):
        assert f"MINISHOP_{name}" in code or f"    {name.lower()}: " in code, name


def _code(page: Path) -> Iterator[str]:
    """Yield what a page shows as code, in lines and in blocks."""
    blocks = re.split(r"^```.*$", (ROOT / page).read_text(), flags=re.MULTILINE)
    yield from blocks[1::2]
    for prose in blocks[::2]:
        yield from re.findall(r"`([^`]+)`", prose)


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
