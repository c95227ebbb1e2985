"""What the operator's tests stand on."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop_cluster.control_plane import ControlPlane, control_plane

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: toys.example.org}
spec:
  group: example.org
  names: {kind: Toy, plural: toys, singular: toy}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
TOY = "{apiVersion: example.org/v1, kind: Toy, metadata: {name: ball, namespace: default}}"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("control-plane")
    (folder / "crd.yaml").write_text(CRD)
    with control_plane(folder, crds=[folder / "crd.yaml"]) as running:
        yield running
    assert not (folder / "etcd").exists()


def test_resources_outlive_the_death_of_both_servers(plane: ControlPlane) -> None:
    plane.kubectl("apply", "-f", "-", stdin=TOY)
    plane.etcd.restart()
    plane.api_server.restart()
    assert plane.kubectl("get", "toys", "-o", "name") == "toy.example.org/ball\n"


def test_a_frozen_server_goes_on_where_it_was(plane: ControlPlane) -> None:
    plane.api_server.freeze()
    with pytest.raises(subprocess.CalledProcessError):
        plane.kubectl("get", "namespaces", "--request-timeout=1s")
    plane.api_server.thaw()
    plane.api_server.wait_ready()
    assert "default" in plane.kubectl("get", "namespaces", "-o", "name")


def test_another_user_may_do_nothing_before_it_is_allowed_to(
    plane: ControlPlane, tmp_path: Path
) -> None:
    access = plane.access("nobody")
    with pytest.raises(subprocess.CalledProcessError) as denied:
        plane.kubectl(f"--kubeconfig={access}", "get", "pods")
    assert "forbidden" in denied.value.stderr
