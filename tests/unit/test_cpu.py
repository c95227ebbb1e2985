"""What pods have taken is read from either kind of control groups."""

from pathlib import Path

import pytest

from load.cpu import Meter, of_group, pod_groups

UID = "be9d1f72-1d48-4257-bd8e-48b899e21c04"
CONTAINER = "6a" * 32


def _process(proc: Path, pid: int, *lines: str) -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "cgroup").write_text("\n".join(lines) + "\n")


def test_a_pods_group_is_found_where_each_controller_has_a_mount(tmp_path: Path) -> None:
    path = f"/minishop/kubepods/burstable/pod{UID}/{CONTAINER}"
    _process(tmp_path, 7, f"4:memory:{path}", f"2:cpu,cpuacct:{path}", f"0::{path}")
    _process(tmp_path, 8, "2:cpuacct:/", "0::/")
    assert pod_groups(tmp_path, Path("/cg")) == {
        UID: Path(f"/cg/cpuacct/minishop/kubepods/burstable/pod{UID}")
    }


def test_a_pods_group_is_found_in_the_unified_hierarchy(tmp_path: Path) -> None:
    pod = f"/kubepods.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice"
    _process(tmp_path, 7, f"0::{pod}/cri-containerd-{CONTAINER}.scope")
    assert pod_groups(tmp_path, Path("/cg")) == {UID: Path(f"/cg{pod}")}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("cpuacct.usage", "2500000000\n"),
        ("cpu.stat", "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n"),
    ],
)
def test_both_versions_count_seconds(tmp_path: Path, file: str, content: str) -> None:
    (tmp_path / file).write_text(content)
    assert of_group(tmp_path) == 2.5


def test_two_pods_of_one_name_count_together_and_a_pod_that_goes_ends_it(tmp_path: Path) -> None:
    for pod in ("a", "b"):
        (tmp_path / pod).mkdir()
        (tmp_path / pod / "cpuacct.usage").write_text("1000000000")
    meter = Meter({"a": "order", "b": "order"}, {"a": tmp_path / "a", "b": tmp_path / "b"})
    assert meter.read()["order"] == 2.0
    (tmp_path / "b" / "cpuacct.usage").unlink()
    with pytest.raises(SystemExit, match="a pod of order has gone"):
        meter.read()
