"""Only what was signed runs: policy-controller before a real API server, with the release's key."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from release.own_network import own_network
from release.policy_controller import CRDS, INCLUDED, policy, policy_controller
from release.small_image import VERSION, changed, released_to
from shop_cluster.build import shopkube, tool
from shop_cluster.control_plane import ControlPlane, control_plane
from shop_cluster.published_crds import published
from shop_cluster.release.publish import Released
from shop_cluster.release.registry import serving
from shop_cluster.release.signing import Signer, signer

POD = "Pod"
DEPLOYMENT = "Deployment"


@pytest.fixture(scope="module")
def signed(
    released: Released, keys: Signer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Released]:
    """An image of the release, in a network of these tests' own and a registry there.

    For `released` everything was fetched that the release needs; here what admission needs.
    """
    tool("policy-controller")
    shopkube()
    published(CRDS)
    folder = tmp_path_factory.mktemp("signed")
    with (
        own_network(),
        serving(folder / "registry", port=5000) as host,
        released_to(host, "admission-trial", keys=keys, folder=folder, out=folder / "out") as found,
    ):
        yield found


@pytest.fixture(scope="module")
def plane(
    signed: Released, keys: Signer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """An API server that admits to the namespace `shop` what the release's key signed."""
    folder = tmp_path_factory.mktemp("plane")
    host = signed.reference.partition("/")[0]
    with (
        control_plane(folder, crds=published(CRDS)) as running,
        policy_controller(running, folder),
    ):
        for name, labels in (("shop", {INCLUDED: "true"}), ("elsewhere", {})):
            namespace = {"apiVersion": "v1", "kind": "Namespace"}
            body = {**namespace, "metadata": {"name": name, "labels": labels}}
            running.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(body))
            running.kubectl("create", "serviceaccount", "default", "-n", name)
        key = Path(keys.public_key).read_text()
        wanted = policy(images=f"{host}/**", public_key=key)
        running.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(wanted))
        wait_until_known(running, signed.reference)
        yield running


def wait_until_known(plane: ControlPlane, image: str) -> None:
    """Return when policy-controller has heard of a policy for an image. Raises AssertionError."""
    deadline = time.monotonic() + 60
    while True:
        try:
            create(plane, image)
        except subprocess.CalledProcessError as error:
            if "no matching policies" not in error.stderr:
                return  # what it says of the image is the tests' to see
        else:
            return
        assert time.monotonic() < deadline, "the policy is not known after 60 s"
        time.sleep(0.5)


def create(plane: ControlPlane, image: str, *, kind: str = POD, namespace: str = "shop") -> str:
    """Ask for a pod of an image, or a Deployment of such; return the image that it got."""
    pod = {"containers": [{"name": "main", "image": image}]}
    labels = {"app": "trial"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    body = {
        "apiVersion": "v1" if kind == POD else "apps/v1",
        "kind": kind,
        "metadata": {"generateName": "trial-", "namespace": namespace},
        "spec": pod if kind == POD else {"selector": {"matchLabels": labels}, "template": template},
    }
    path = ".spec.containers[0].image" if kind == POD else ".spec.template.spec.containers[0].image"
    words = ("create", "--dry-run=server", f"--output=jsonpath={{{path}}}", "-f", "-")
    return plane.kubectl(*words, stdin=yaml.safe_dump(body))


def refusal(plane: ControlPlane, image: str, *, kind: str = POD) -> str:
    """Return why an image is not admitted."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        create(plane, image, kind=kind)
    return str(refused.value.stderr)


@pytest.mark.parametrize("kind", [POD, DEPLOYMENT])
def test_what_the_release_signed_is_admitted(
    plane: ControlPlane, signed: Released, kind: str
) -> None:
    assert create(plane, signed.reference, kind=kind) == signed.reference


def test_a_tag_is_admitted_as_the_digest_that_was_signed(
    plane: ControlPlane, signed: Released
) -> None:
    name, _, digest = signed.reference.partition("@")
    assert create(plane, f"{name}:{VERSION}") == f"{name}:{VERSION}@{digest}"


@pytest.mark.parametrize("kind", [POD, DEPLOYMENT])
def test_what_was_changed_afterwards_is_refused(
    plane: ControlPlane, signed: Released, kind: str
) -> None:
    assert "no signatures found" in refusal(plane, changed(signed.reference), kind=kind)


def test_what_somebody_else_signed_is_refused(
    plane: ControlPlane, signed: Released, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    other = changed(signed.reference)
    signer("", folder=tmp_path).sign(other)
    assert "no matching signatures" in refusal(plane, other)


def test_an_image_that_no_policy_names_is_refused(plane: ControlPlane) -> None:
    assert "no matching policies" in refusal(plane, f"docker.io/library/busybox@sha256:{0:064x}")


def test_a_namespace_that_is_not_included_is_left_alone(
    plane: ControlPlane, signed: Released
) -> None:
    other = changed(signed.reference)
    assert create(plane, other, namespace="elsewhere") == other
