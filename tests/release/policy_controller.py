"""Sigstore's policy-controller as a process beside a real API server."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from shop_cluster.build import tool
from shop_cluster.control_plane import ControlPlane

NAMESPACE = "cosign-system"
POLICIES = "clusterimagepolicies.policy.sigstore.dev"
CRDS = (POLICIES, "trustroots.policy.sigstore.dev")
INCLUDED = "policy.sigstore.dev/include"
_WEBHOOKS = {
    "policy.sigstore.dev": ("Mutating", "Validating"),
    "defaulting.clusterimagepolicy.sigstore.dev": ("Mutating",),
    "validating.clusterimagepolicy.sigstore.dev": ("Validating",),
}
PORT = 8443
_SECONDS = 120


@contextmanager
def policy_controller(plane: ControlPlane, folder: Path) -> Iterator[None]:
    """Run it until the block ends, on an API server that has its `CRDS`.

    It listens at ports of its own choice, everywhere: in a network of the test's. The API server
    reaches it as it would in a cluster, by its Service, which names this machine.

    Raises:
        AssertionError: it does not answer in time; with the end of its log.

    """
    # No proxy stands between the Service's port and the program's, as in a cluster.
    path = "/spec/conversion/webhook/clientConfig/service/port"
    patch = json.dumps([{"op": "add", "path": path, "value": PORT}])
    plane.kubectl("patch", "crd", POLICIES, "--type=json", f"--patch={patch}")
    plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(_objects()))
    environment = {
        **os.environ,
        "KUBECONFIG": str(plane.kubeconfig),
        "SYSTEM_NAMESPACE": NAMESPACE,
        "METRICS_DOMAIN": "sigstore.dev/policy",
        "WEBHOOK_NAME": "webhook",
        "HOME": str(folder),
    }
    log = folder / "policy-controller.log"
    words = [str(tool("policy-controller")), "--disable-tuf"]
    with (
        log.open("wb") as out,
        subprocess.Popen(words, stdout=out, stderr=out, env=environment, cwd=folder) as process,
    ):
        try:
            _wait(plane, process, log)
            yield
        finally:
            process.terminate()
            process.wait()


def policy(*, images: str, public_key: str) -> dict[str, Any]:
    """Return the policy that takes images of a glob (`host/path/**`) when this key signed them."""
    return {
        "apiVersion": "policy.sigstore.dev/v1beta1",
        "kind": "ClusterImagePolicy",
        "metadata": {"name": "minishop-release"},
        "spec": {
            "mode": "enforce",
            "images": [{"glob": images}],
            "authorities": [{"name": "release-key", "key": {"data": public_key}}],
        },
    }


def _wait(plane: ControlPlane, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return when the API server is told whom to ask, and gets an answer."""
    deadline = time.monotonic() + _SECONDS
    asked = policy(images="example.com/**", public_key="")
    del asked["spec"]["authorities"]
    text = yaml.safe_dump({**asked, "metadata": {"name": "probe"}})
    while True:
        try:
            plane.kubectl("create", "--dry-run=server", "-f", "-", stdin=text)
        except subprocess.CalledProcessError as error:
            said = error.stderr
            if "failed calling webhook" not in said and "denied the request" in said:
                return
        else:
            said = "a policy without authorities was taken"
        told = f"{said}\n{log.read_text()[-2000:]}"
        assert process.poll() is None, told
        assert time.monotonic() < deadline, told
        time.sleep(0.5)


def _objects() -> Iterator[dict[str, Any]]:
    """Yield what an installation has, but for the pod: it asks for most of this when it starts."""
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    yield _own(
        "v1",
        "Service",
        "webhook",
        spec={"type": "ExternalName", "externalName": "localhost", "ports": [{"port": PORT}]},
    )
    yield _own("v1", "Secret", "webhook-certs")
    for name in ("logging", "observability", "leader-election", "image-policies", "sigstore-keys"):
        yield _own("v1", "ConfigMap", f"config-{name}", data={})
    yield _own("v1", "ConfigMap", "config-policy-controller", data={"no-match-policy": "deny"})
    for name, kinds in _WEBHOOKS.items():
        chosen = {"matchExpressions": [{"key": INCLUDED, "operator": "In", "values": ["true"]}]}
        webhook = {
            "name": name,
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"name": "webhook", "namespace": NAMESPACE, "port": PORT}},
            "failurePolicy": "Fail",
            "sideEffects": "None",
            **({"namespaceSelector": chosen} if name == "policy.sigstore.dev" else {}),
        }
        for kind in kinds:
            yield {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": f"{kind}WebhookConfiguration",
                "metadata": {"name": name},
                "webhooks": [webhook],
            }


def _own(version: str, kind: str, name: str, **content: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}
