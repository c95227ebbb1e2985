"""What `make cluster` cannot work with is said in one line, and leaves nothing half-begun.

The whole program runs, as a process, where one thing is wrong. Another system than Linux can't be
had here: tests/unit/test_preflight.py.
"""

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from shop_cluster import ports
from shop_cluster.go_toolchain import go
from shop_cluster.network import LINK, links
from shop_cluster.packages import install_missing
from shop_cluster.paths import ClusterPaths
from shop_cluster.processes import marked

UP = [sys.executable, "-m", "shop_cluster", "up", "--empty"]
# Everything is imported while it is still root: nobody else may be allowed to read the checkout.
AS_NOBODY = """
import os, sys
from shop_cluster.cli import main
os.setuid(65534)
sys.exit(main(["up"]))
"""


@pytest.fixture
def elsewhere(machine: ClusterPaths, tmp_path: Path) -> Iterator[ClusterPaths]:
    """ClusterPaths of another cluster, which this machine is not to get."""
    paths = ClusterPaths(state=tmp_path / "state", run=tmp_path / "run")
    before = LINK in links()
    yield paths
    assert marked(paths) == []
    assert not paths.run.exists()
    assert (LINK in links()) is before


def refusal(paths: ClusterPaths, *command: str, **environment: str) -> str:
    """Run what must not succeed; return its error, which is one line and the last one."""
    given: Mapping[str, str] = {
        **os.environ,
        "CLUSTER": "embedded",
        "MINISHOP_STATE": str(paths.state),
        "MINISHOP_RUN": str(paths.run),
        **environment,
    }
    done = subprocess.run(command, env=given, text=True, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    *before, last = done.stderr.splitlines()
    assert not any(line.startswith("error:") for line in before), done.stderr
    assert last.startswith("error: "), done.stderr
    return last


def within_mounts(script: str) -> list[str]:
    """Return `up` in mounts of its own, after a script has changed them."""
    return ["unshare", "--mount", "sh", "-ec", f"{script}\nexec {shlex.join(UP)}"]


def test_not_root(elsewhere: ClusterPaths) -> None:
    assert "sudo make cluster" in refusal(elsewhere, sys.executable, "-c", AS_NOBODY)
    assert not elsewhere.state.exists()


def test_no_control_groups(elsewhere: ClusterPaths) -> None:
    said = refusal(elsewhere, *within_mounts("mount -t tmpfs none /sys/fs/cgroup"))
    assert "no control groups for cpu, memory, pids" in said
    assert not elsewhere.state.exists()


def test_a_port_in_use(elsewhere: ClusterPaths) -> None:
    with socket.socket() as server, suppress(OSError):  # another cluster holds it already
        server.bind(("127.0.0.1", ports.PROXY_HEALTH))
        server.listen()
        assert "is in use by another program" in refusal(elsewhere, *UP)
    assert not elsewhere.state.exists()


def test_a_small_disk(elsewhere: ClusterPaths) -> None:
    elsewhere.state.mkdir()
    script = f"mount -t tmpfs -o size=8m none {elsewhere.state}"
    said = refusal(elsewhere, *within_mounts(script))
    assert f"0.0 GiB free for {elsewhere.state}, 10 GiB needed" in said
    assert list(elsewhere.state.iterdir()) == []


def test_no_way_to_the_modules(elsewhere: ClusterPaths, tmp_path: Path) -> None:
    install_missing()
    said = refusal(
        elsewhere,
        *("unshare", "--net", *UP),  # where nobody answers at all, and no port is taken
        PATH=f"{Path(go()).parent}:{os.environ['PATH']}",
        GOPROXY="http://127.0.0.1:9",
        GOMODCACHE=str(tmp_path / "modules"),
        GOFLAGS="-modcacherw",
        XDG_CACHE_HOME=str(tmp_path / "cache"),
    )
    assert "cannot fetch Go modules for shopkube: check the network" in said
    assert not elsewhere.state.exists()
    assert not list((tmp_path / "cache" / "minishop" / "bin").glob("shopkube-*"))
