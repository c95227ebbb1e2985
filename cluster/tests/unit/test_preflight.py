"""Each thing that can be wrong with a machine is said in one line that tells what to do."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop_cluster import cgroups, preflight
from shop_cluster.errors import ClusterError
from shop_cluster.paths import ClusterPaths

SOMEBODY = 65534


@pytest.fixture
def paths(tmp_path: Path) -> ClusterPaths:
    return ClusterPaths(state=tmp_path / "state", run=tmp_path / "run")


@pytest.fixture
def without_root() -> Iterator[None]:
    user = os.geteuid()
    if user == 0:
        os.seteuid(SOMEBODY)
    yield
    os.seteuid(user)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_not_root(without_root: None) -> None:
    with pytest.raises(ClusterError, match=r"^.*sudo make cluster.*$"):
        preflight.check_user()


def test_not_linux() -> None:
    with pytest.raises(ClusterError, match=r"^.*CLUSTER=kind.*$"):
        preflight.check_user(system="Darwin")


def test_disk_short(paths: ClusterPaths) -> None:
    with pytest.raises(ClusterError, match=r"^.*GiB needed: free some.*$"):
        preflight.check_machine(paths, needed_disk=10**18)
    assert not paths.state.exists()


def test_port_in_use(taken: int) -> None:
    with pytest.raises(ClusterError, match=rf"^port {taken} is in use.*$"):
        preflight.check_ports([taken])


def test_free_ports_are_fine() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    preflight.check_ports([port])


def test_no_control_groups(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"^no control groups for cpu, memory, pids.*$"):
        cgroups.check(tmp_path)


def test_control_groups_without_memory(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu io pids\n")
    with pytest.raises(ClusterError, match=r"^no control groups for memory under.*$"):
        cgroups.check(tmp_path)
