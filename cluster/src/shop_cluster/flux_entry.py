"""Whether Flux, where it keeps the shop, applies the gateway's NodePort: not where Kong has it."""

import json
from collections.abc import Sequence
from typing import Any

from shop_cluster.shell import run

KUSTOMIZATIONS = "kustomizations.kustomize.toolkit.fluxcd.io"
_DEVELOPMENT = (KUSTOMIZATIONS, "development", "--namespace=flux-system")
_WITHOUT_ENTRY = {
    "patch": "apiVersion: v1\nkind: Service\nmetadata: {name: entry, namespace: shop}\n"
    "$patch: delete\n"
}


def leave_out(kubectl: Sequence[str]) -> None:
    """Have Flux take the gateway's NodePort away, or not bring it. Raises ClusterError."""
    _patch(kubectl, _WITHOUT_ENTRY)


def keep(kubectl: Sequence[str]) -> None:
    """Have Flux keep the gateway's NodePort again. Raises ClusterError."""
    _patch(kubectl)


def _patch(kubectl: Sequence[str], *wanted: dict[str, str]) -> None:
    """Have this patch in what Flux applies, or not, beside those of other people."""
    if not run(*kubectl, "get", "crd", KUSTOMIZATIONS, "--ignore-not-found", "--output=name"):
        return
    found = run(*kubectl, "get", *_DEVELOPMENT, "--ignore-not-found", "--output=json")
    if not found:
        return
    patches: list[dict[str, Any]] = json.loads(found)["spec"].get("patches", [])
    others = [each for each in patches if each != _WITHOUT_ENTRY]
    changed = json.dumps({"spec": {"patches": [*others, *wanted] or None}})
    run(*kubectl, "patch", *_DEVELOPMENT, "--type=merge", f"--patch={changed}")
