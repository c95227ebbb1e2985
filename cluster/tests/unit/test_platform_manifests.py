"""The manifests of the platform, as kustomize renders them."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_cluster.places import checkout

Schema = dict[str, Any]
CRDS = checkout() / "manifests" / "platform" / "crds"
PUBLISHED = Path(os.environ.get("MINISHOP_CRDS") or checkout().parent / "shared" / "crds")


def documents(file: Path) -> Iterator[dict[str, Any]]:
    yield from (found for found in yaml.safe_load_all(file.read_text()) if found)


def published(name: str) -> Schema:
    if not PUBLISHED.is_dir():
        pytest.skip(f"no published CRDs in {PUBLISHED} (MINISHOP_CRDS)")
    for file in PUBLISHED.glob("*.yaml"):
        for found in documents(file):
            if found["metadata"]["name"] == name:
                version = next(v for v in found["spec"]["versions"] if v["name"] == "v1")
                schema: Schema = version["schema"]["openAPIV3Schema"]
                return schema
    raise AssertionError(f"{name} is not published")


def beyond(ours: Schema, theirs: Schema, path: str = "") -> Iterator[str]:
    """Yield where our schema accepts, requires or defaults what the published one does not."""
    for key in ("type", "default", "pattern"):
        if key in ours and ours[key] != theirs.get(key):
            yield f"{path}: {key}"
    values: list[str] = ours.get("enum", [])
    if not set(values) <= set(theirs.get("enum") or values):
        yield f"{path}: enum"
    if not set(theirs.get("required", [])) <= set(ours.get("required", [])):
        yield f"{path}: required"
    known = theirs.get("properties", {})
    for name, schema in ours.get("properties", {}).items():
        if name not in known:
            yield f"{path}.{name}: not published"
        else:
            yield from beyond(schema, known[name], f"{path}.{name}")
    if "items" in ours:
        yield from beyond(ours["items"], theirs["items"], f"{path}[]")


def misfits(value: Any, schema: Schema, path: str = "") -> Iterator[str]:
    """Yield the fields of an object that a published schema does not know."""
    if isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            if name in schema["properties"]:
                yield from misfits(inner, schema["properties"][name], f"{path}.{name}")
            elif not schema.get("x-kubernetes-preserve-unknown-fields"):
                yield f"{path}.{name}"
        yield from (f"{path}.{name}" for name in set(schema.get("required", [])) - value.keys())
    elif isinstance(value, list):
        for inner in value:
            yield from misfits(inner, schema["items"], f"{path}[]")


@pytest.mark.parametrize(
    "file", [f for f in sorted(CRDS.glob("*.yaml")) if f.stem != "kustomization"], ids=str
)
def test_a_partial_schema_is_a_part_of_the_published_one(file: Path) -> None:
    ours = next(documents(file))
    schema = ours["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert list(beyond(schema, published(ours["metadata"]["name"]))) == []


@pytest.mark.parametrize("kind", ["kafka.yaml", "connect.yaml"])
def test_strimzi_resources_are_what_strimzi_published(kind: str) -> None:
    plurals = {
        "Kafka": "kafkas",
        "KafkaNodePool": "kafkanodepools",
        "KafkaConnect": "kafkaconnects",
    }
    for found in documents(checkout() / "manifests" / "platform" / "strimzi" / kind):
        schema = published(f"{plurals[found['kind']]}.kafka.strimzi.io")
        spec = schema["properties"]["spec"]
        assert list(misfits(found["spec"], spec)) == []


@pytest.mark.parametrize("store", ["postgres", "mongodb", "redis", "rabbitmq", "kafka"])
def test_a_store_is_guarded_and_keeps_its_data(store: str) -> None:
    file = checkout() / "manifests" / "platform" / store / f"{store}.yaml"
    stateful = next(found for found in documents(file) if found["kind"] == "StatefulSet")
    pod = stateful["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert stateful["spec"]["volumeClaimTemplates"]
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["startupProbe"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"]["memory"]
