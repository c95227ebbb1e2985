"""When a workload counts as ready, and which images a platform is made of."""

from typing import Any

import pytest
import yaml

from shop_cluster.errors import ClusterError
from shop_cluster.images import selected
from shop_cluster.paths import checkout
from shop_cluster.platform import is_ready
from shop_cluster.secrets_provider import VAULT_IMAGES

ONE = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}


def workload(kind: str, status: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "any", "namespace": "platform", "generation": 2}
    return {"kind": kind, "metadata": metadata, "spec": {"replicas": 1}, "status": status}


def condition(kind: str, status: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status}]}


def on_nodes(nodes: int, *, updated: int, ready: int) -> dict[str, int]:
    return {
        "desiredNumberScheduled": nodes,
        "updatedNumberScheduled": updated,
        "numberReady": ready,
    }


def available(status: str, *, seen: int) -> dict[str, Any]:
    """Return what prometheus-operator says: which generation it saw is the condition's."""
    return {"conditions": [{"type": "Available", "status": status, "observedGeneration": seen}]}


@pytest.mark.parametrize(
    ("kind", "status", "ready"),
    [
        ("StatefulSet", {"observedGeneration": 2, **ONE}, True),
        ("StatefulSet", {"observedGeneration": 1, **ONE}, False),
        ("Deployment", {"observedGeneration": 2, **ONE, "updatedReplicas": 0}, False),
        ("Deployment", {"observedGeneration": 2, **ONE, "replicas": 2}, False),
        ("Deployment", {}, False),
        ("DaemonSet", {"observedGeneration": 2, **on_nodes(2, updated=2, ready=2)}, True),
        ("DaemonSet", {"observedGeneration": 2, **on_nodes(2, updated=1, ready=2)}, False),
        ("DaemonSet", {"observedGeneration": 2, **on_nodes(2, updated=2, ready=1)}, False),
        ("DaemonSet", {"observedGeneration": 1, **on_nodes(2, updated=2, ready=2)}, False),
        ("Kafka", {"observedGeneration": 2, **condition("Ready", "True")}, True),
        ("Kafka", {"observedGeneration": 1, **condition("Ready", "True")}, False),
        ("KafkaConnect", {"observedGeneration": 2, **condition("NotReady", "True")}, False),
        ("KafkaConnect", {}, False),
        ("Prometheus", available("True", seen=2), True),
        ("Prometheus", available("True", seen=1), False),
        ("Alertmanager", available("False", seen=2), False),
        ("Alertmanager", {}, False),
    ],
)
def test_ready_is_the_latest_on_all_replicas(
    kind: str, status: dict[str, Any], *, ready: bool
) -> None:
    assert is_ready(workload(kind, status)) is ready


def test_the_platforms_images_are_those_that_its_overlay_names() -> None:
    stores = {"kafka", "mongodb", "postgres", "rabbitmq", "valkey"}
    embedded = {image.name for image in selected("embedded", platform=True)}
    assert embedded == {"cluster", *stores, *VAULT_IMAGES}
    docker = {image.name for image in selected("docker", platform=True)}
    assert docker == {"cluster", "connect", "openbao"}


def test_an_overlay_names_each_store_s_image_by_its_own_version() -> None:
    overlays = checkout() / "kustomize" / "overlays"
    named = {
        f"docker.io/{found['newName']}:{found['newTag']}"
        for overlay in ("embedded", "embedded-vault")
        for found in yaml.safe_load((overlays / overlay / "kustomization.yaml").read_text())[
            "images"
        ]
    }
    assert named == {image.tag for image in selected("embedded", platform=True)}


def test_an_image_that_there_is_not() -> None:
    with pytest.raises(ClusterError, match=r"no image oder: there are .*order"):
        selected("embedded", frozenset({"oder"}))


def test_a_layers_images_are_built_only_when_the_layer_is_asked_for() -> None:
    layer = {image.name for image in selected("embedded", layer="observability")}
    assert layer == {
        *("alertmanager", "collector", "opensearch", "prometheus", "prometheus-operator"),
        *("dashboards", "metrics-server", "node-exporter", "rsyslog", "zipkin"),
    }
    assert not layer & {image.name for image in selected("embedded")}
    assert not layer & {image.name for image in selected("docker")}
    assert {image.name for image in selected("embedded", frozenset({"zipkin"}))} == {"zipkin"}
