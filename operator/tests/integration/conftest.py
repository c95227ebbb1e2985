"""A real API server with the real CRDs, one for all the tests of a run."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop_cluster.control_plane import ControlPlane, control_plane

ROOT = Path(__file__).parents[3]


def real_crds() -> list[Path]:
    """Return the published CRDs of Strimzi, prometheus-operator, Kong and Gateway API."""
    folder = Path(os.environ.get("MINISHOP_CRDS", ROOT.parent / "shared" / "crds"))
    return sorted(folder.glob("*.yaml"))


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    crds = real_crds()
    if not crds:
        pytest.skip("no CRDs to test against: set MINISHOP_CRDS")
    folder = tmp_path_factory.mktemp("plane")
    with control_plane(folder) as running:
        install(running, [*crds, ROOT / "crds" / "shopservice.yaml"])
        yield running


def install(running: ControlPlane, crds: list[Path]) -> None:
    """Install CRDs and wait until their kinds are served."""
    files = [word for path in crds for word in ("-f", str(path))]
    running.kubectl("apply", "--server-side", *files)
    established = '{.items[*].status.conditions[?(@.type=="Established")].status}'
    deadline = time.monotonic() + 30
    while running.kubectl("get", *files, f"-o=jsonpath={established}").count("True") < len(crds):
        assert time.monotonic() < deadline, "the CRDs are not established"
        time.sleep(0.1)
