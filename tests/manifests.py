"""Every manifest there is, built by kustomize and held against the CRDs: part of `make lint`.

Overlays are found, not listed, and each component is built with each overlay that it is for. What
is meant for production is held against `production_policy.py` as well.

A field that a CRD does not know is an error, as it is with `kubectl apply --validate=strict`. What
Kubernetes itself defines is checked where a real API server is: the operator's tests and `make up`.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema_rs

from production_policy import breaches
from shop_cluster.build import tool
from shop_cluster.manifest_text import parse
from shop_cluster.published_crds import published

ROOT = Path(__file__).resolve().parents[1]
# Beside every folder of kustomize/base and kustomize/overlays.
PLAIN = (
    "manifests/dev",
    "manifests/gitops/argocd",
    "manifests/gitops/argocd/waves",
    "manifests/shop",
)
PRODUCTION = "kustomize/overlays/production"
# What each component is for; it is built with each of these.
COMBINED = {
    "edge": ("kustomize/overlays/embedded", "kustomize/overlays/embedded-vault"),
    "gitops-kubernetes": ("kustomize/overlays/embedded-gitops", "kustomize/overlays/kind-gitops"),
    "keda": (f"{PRODUCTION}/shop",),
    "observability": (
        "kustomize/overlays/embedded",
        "kustomize/overlays/embedded-vault",
        "kustomize/overlays/kind",
        "kustomize/overlays/kind-vault",
        f"{PRODUCTION}/platform",
    ),
    "operator-vault": ("kustomize/base/operator", f"{PRODUCTION}/operator"),
    "plain-kafka": ("kustomize/base/platform",),
    "strimzi-kafka": ("kustomize/base/platform",),
    "vault": ("kustomize/overlays/embedded", "kustomize/overlays/kind"),
}
# Fetches from the network as it is built.
UNREACHED = {"kustomize/overlays/kind/operators"}
# Whose kinds Kubernetes itself defines.
NATIVE = ("", "apps", "batch", "autoscaling", "policy")


def overlays() -> list[str]:
    """Return every folder that is built as it stands."""
    found = [
        file.parent
        for place in ("base", "overlays")
        for file in (ROOT / "kustomize" / place).rglob("kustomization.yaml")
    ]
    return sorted({*(str(folder.relative_to(ROOT)) for folder in found), *PLAIN} - UNREACHED)


def combinations() -> list[tuple[str, str]]:
    """Return every component with each overlay that it is for."""
    return [(overlay, name) for name, found in sorted(COMBINED.items()) for overlay in found]


def build_with(overlay: str, component: str) -> list[dict[str, Any]]:
    """Return the objects of an overlay with a component. Raises CalledProcessError."""
    # Beside them: kustomize takes no absolute paths.
    with tempfile.TemporaryDirectory(dir=ROOT / "kustomize", prefix=".combined-") as folder:
        made = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [f"../../{overlay}"],
            "components": [f"../components/{component}"],
        }
        (Path(folder) / "kustomization.yaml").write_text(json.dumps(made))
        return build(Path(folder))


def build(folder: Path) -> list[dict[str, Any]]:
    """Return the objects of a kustomization. Raises CalledProcessError with what was wrong."""
    command = [str(tool("kustomize")), "build", str(folder)]
    text = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
    return parse(text)


def read(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the objects of plain manifests."""
    return [
        found
        for file in sorted(files)
        for found in parse(file.read_text())
        if "apiVersion" in found
    ]


def schemas(objects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the schema of each (apiVersion, kind) that these CRDs define."""
    return {
        (f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]): strict(
            version["schema"]["openAPIV3Schema"]
        )
        for crd in objects
        if crd["kind"] == "CustomResourceDefinition"
        for version in crd["spec"]["versions"]
    }


def strict(schema: Any, *, top: bool = True) -> Any:
    """Return an OpenAPI schema of a CRD as a JSON Schema that knows no other fields."""
    if isinstance(schema, list):
        return [strict(each, top=False) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    kept = {
        key: {name: strict(each, top=False) for name, each in value.items()}
        if key == "properties"
        else strict(value, top=False)
        for key, value in schema.items()
        if key not in ("default", "description", "example") and not key.startswith("x-kubernetes")
    }
    if "properties" in kept and not schema.get("x-kubernetes-preserve-unknown-fields"):
        kept.setdefault("additionalProperties", False)
    if top:
        own = {"apiVersion", "kind", "metadata"}
        kept["properties"] = {**kept.get("properties", {}), **dict.fromkeys(own, True)}
    if kept.pop("nullable", False):
        return {"anyOf": [kept, {"type": "null"}]}
    return kept


def faults(
    objects: list[dict[str, Any]], known: dict[tuple[str, str], dict[str, Any]]
) -> Iterator[str]:
    """Yield what the schemas find wrong, a line each."""
    for found in objects:
        group = found["apiVersion"].rpartition("/")[0]
        if group in NATIVE or (group.endswith(".k8s.io") and group != "gateway.networking.k8s.io"):
            continue
        name = f"{found['kind']} {found['metadata']['name']}"
        schema = known.get((found["apiVersion"], found["kind"]))
        if schema is None:
            yield f"{name}: no CRD defines {found['apiVersion']}"
            continue
        for error in jsonschema_rs.validator_for(schema).iter_errors(found):
            yield f"{name}: {'.'.join(map(str, error.instance_path))}: {error.message}"


def main() -> int:
    """Check everything; return 1 when anything is wrong."""
    known = schemas(read([*(ROOT / "crds").glob("*.yaml"), *published()]))
    places = {name: partial(build, ROOT / name) for name in overlays()}
    places |= {
        f"{overlay} with {component}": partial(build_with, overlay, component)
        for overlay, component in combinations()
    }
    wrong = 0
    # kustomize is a process of its own: threads do.
    with ThreadPoolExecutor() as pool:
        built = dict(zip(places, pool.map(lambda make: make(), places.values()), strict=True))
    for name, objects in built.items():
        found = list(faults(objects, known))
        if name.startswith(PRODUCTION) and " with observability" not in name:
            found += breaches(objects)
        for fault in found:
            print(f"{name}: {fault}", file=sys.stderr)
        wrong += len(found)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
