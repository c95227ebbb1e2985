"""What an image is made of is brought once a content of its folder, sub-folders included."""

from pathlib import Path

import pytest

from shop_cluster.images import fetch

# It keeps count of its runs beside the cache, and brings what the source says.
SCRIPT = '#!/bin/sh\necho run >> "{log}"\nmkdir -p "$1"\ncp "{source}" "$1/page"\n'


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "page" / "src").mkdir(parents=True)
    source = tmp_path / "page" / "src" / "main.tsx"
    source.write_text("one")
    found = tmp_path / "page" / "fetch.sh"
    found.write_text(SCRIPT.format(log=tmp_path / "log", source=source))
    found.chmod(0o755)
    return found


def test_what_is_unchanged_is_brought_once(script: Path) -> None:
    fetch(script)
    fetch(script)
    assert script.with_name("fetched").joinpath("page").read_text() == "one"
    assert (script.parents[1] / "log").read_text().splitlines() == ["run"]


def test_a_source_in_a_sub_folder_that_changed_is_brought_anew(script: Path) -> None:
    fetch(script)
    (script.parent / "src" / "main.tsx").write_text("two")
    fetch(script)
    assert script.with_name("fetched").joinpath("page").read_text() == "two"
    assert (script.parents[1] / "log").read_text().splitlines() == ["run", "run"]


def test_what_an_image_only_copies_is_not_brought_anew_for_its_dockerfile(script: Path) -> None:
    fetch(script)
    (script.parent / "Dockerfile").write_text("FROM scratch\n")
    fetch(script)
    assert (script.parents[1] / "log").read_text().splitlines() == ["run"]
