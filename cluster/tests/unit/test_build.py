"""A program is built once a content, and a failure leaves nothing half-built."""

import subprocess
from pathlib import Path

import pytest

from shop_cluster import build
from shop_cluster.errors import ClusterError


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GOCACHE", str(tmp_path / "go-build"))
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "go.mod").write_text("module example.org/hello\n\ngo 1.24.0\n")
    (folder / "main.go").write_text("package main\n\nfunc main() { println(1) }\n")
    return folder


def test_the_same_content_is_built_once(source: Path) -> None:
    first = build.go_program(source, ldflags="-s -w")
    made = first.stat().st_mtime_ns
    assert build.go_program(source, ldflags="-s -w") == first
    assert first.stat().st_mtime_ns == made


def test_another_content_is_another_program(source: Path) -> None:
    first = build.go_program(source, ldflags="-s -w")
    (source / "main.go").write_text("package main\n\nfunc main() { println(2) }\n")
    assert build.go_program(source, ldflags="-s -w") != first


def test_no_network_for_the_modules(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    with (source / "go.mod").open("a") as module:
        module.write("\nrequire golang.org/x/text v0.28.0\n")
    (source / "go.sum").write_text(
        "golang.org/x/text v0.28.0 h1:rhazDwis8INMIwQ4tpjLDzUhx6RlXqZNPEM0huQojng=\n"
        "golang.org/x/text v0.28.0/go.mod h1:U8nCwOR8jO/marOQ0QbDiOngZVEBB7MAiitBuMjXiNU=\n"
    )
    (source / "main.go").write_text(
        'package main\n\nimport "golang.org/x/text/language"\n\n'
        "func main() { println(language.English.String()) }\n"
    )
    with pytest.raises(ClusterError, match=r"^cannot fetch Go modules for hello: .*GOPROXY.*$"):
        build.go_program(source, ldflags="-s -w")
    assert [path.name for path in (tmp_path / "cache/minishop/bin").iterdir()] == ["hello.lock"]


def test_code_that_does_not_compile(source: Path) -> None:
    (source / "main.go").write_text("package main\n\nfunc main() { nothing() }\n")
    with pytest.raises(ClusterError, match=r"^building hello failed: .*nothing.*$"):
        build.go_program(source, ldflags="-s -w")


def test_a_tool_is_built_from_the_package_that_its_module_names(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = source.parent
    monkeypatch.setattr(build, "checkout", lambda: checkout)
    (checkout / "tools" / "hello" / "command").mkdir(parents=True)
    (checkout / "tools" / "hello" / "go.mod").write_text(
        "module example.org/hello\n\ngo 1.24.0\n\ntool example.org/hello/command\n"
    )
    (source / "main.go").rename(checkout / "tools" / "hello" / "command" / "main.go")
    program = build.tool("hello")
    assert program.name == "hello"
    assert subprocess.run([program], capture_output=True, check=True).stderr == b"1\n"
