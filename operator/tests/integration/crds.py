"""The CRDs on an API server: the published ones of others, and our own."""

import time
from pathlib import Path

import orjson

from shop_cluster.control_plane import ControlPlane
from shop_cluster.published_crds import EMBEDDED, published

ROOT = Path(__file__).parents[3]


def real_crds() -> list[Path]:
    """Return the published CRDs of the kinds that the operator writes."""
    return published([*EMBEDDED, "scaledobjects.keda.sh"])


def install(running: ControlPlane, crds: list[Path]) -> None:
    """Install CRDs and wait until their kinds are served."""
    files = [word for path in crds for word in ("-f", str(path))]
    running.kubectl("apply", "--server-side", *files)
    wait = time.monotonic() + 120
    while _established(running) < len(crds):
        assert time.monotonic() < wait, "the CRDs are not established"
        time.sleep(0.1)


def _established(running: ControlPlane) -> int:
    found = orjson.loads(running.kubectl("get", "crd", "-o=json"))["items"]
    conditions = [c for crd in found for c in crd.get("status", {}).get("conditions") or ()]
    return sum(c["type"] == "Established" and c["status"] == "True" for c in conditions)
