"""The manifests of the platform, as kustomize renders them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_cluster.paths import checkout
from shop_cluster.published_crds import published

Schema = dict[str, Any]


def documents(file: Path) -> Iterator[dict[str, Any]]:
    yield from (found for found in yaml.safe_load_all(file.read_text()) if found)


def schema_of(name: str) -> Schema:
    """Return the published schema of a CRD's version v1."""
    [crd] = (found for file in published([name]) for found in documents(file))
    version = next(each for each in crd["spec"]["versions"] if each["name"] == "v1")
    schema: Schema = version["schema"]["openAPIV3Schema"]
    return schema


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


@pytest.mark.parametrize("kind", ["kafka.yaml", "connect.yaml"])
def test_strimzi_resources_are_what_strimzi_published(kind: str) -> None:
    plurals = {
        "Kafka": "kafkas",
        "KafkaNodePool": "kafkanodepools",
        "KafkaConnect": "kafkaconnects",
    }
    for found in documents(checkout() / "manifests" / "platform" / "strimzi" / kind):
        schema = schema_of(f"{plurals[found['kind']]}.kafka.strimzi.io")
        spec = schema["properties"]["spec"]
        assert list(misfits(found["spec"], spec)) == []


@pytest.mark.parametrize("store", ["postgres", "mongodb", "redis", "rabbitmq", "kafka", "vault"])
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
