"""Every manifest there is, built by kustomize and held against the CRDs: part of `make lint`.

A field that a CRD does not know is an error, as it is with `kubectl apply --validate=strict`. What
Kubernetes itself defines is checked where a real API server is: the operator's tests and `make up`.
"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs

from shop_cluster.build import tool
from shop_cluster.manifest_text import parse
from shop_cluster.published_crds import published

ROOT = Path(__file__).resolve().parents[1]
BUILT = (
    "kustomize/base/operator",
    "kustomize/overlays/embedded",
    "kustomize/overlays/embedded-gitops",
    "kustomize/overlays/embedded-observability",
    "kustomize/overlays/kind",
    "kustomize/overlays/kind-gitops",
    "kustomize/overlays/operator-vault",
    "kustomize/overlays/embedded-vault",
    "kustomize/overlays/kind-vault",
    "kustomize/overlays/shop-vault",
    "manifests/dev",
    "manifests/gitops/argocd",
    "manifests/gitops/argocd/waves",
    "manifests/shop",
)
# Whose kinds Kubernetes itself defines.
NATIVE = ("", "apps", "batch", "autoscaling", "policy")


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
    wrong = 0
    for name in BUILT:
        for fault in faults(build(ROOT / name), known):
            print(f"{name}: {fault}", file=sys.stderr)
            wrong += 1
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
