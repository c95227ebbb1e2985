"""Brings the layer that reads metrics, alerts and traces onto the cluster, and takes it away again.

The shop sends its spans from then on: the operator tells every pod where to, so each is replaced.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from shop_cluster import platform
from shop_cluster.errors import ClusterError
from shop_cluster.kubernetes_api import Resource
from shop_cluster.operator_settings import has_operator, tell_operator
from shop_cluster.platform import Report
from shop_cluster.published_crds import OBSERVABILITY, published
from shop_cluster.shell import run

LAYER = "observability"
OTLP_ENDPOINT = "http://collector.monitoring.svc.cluster.local:4318"
_OVERLAY = "embedded-observability"
_OPERATOR_SETTING = "MINISHOP_OTLP_ENDPOINT"
_POD_SETTING = "OTEL_EXPORTER_OTLP_ENDPOINT"
_SHOP_DEPLOYMENTS = (
    "deployments",
    "--all-namespaces",
    "--selector=app.kubernetes.io/managed-by=shop-operator",
)
_POD_LOGS = "/var/log/pods"
"""Where a kubelet keeps them unless told."""
_SECONDS = 300


def install(*, kubectl: Sequence[str], kubeconfig: Path, pod_logs: Path, report: Report) -> None:
    """Return when the layer runs, and every pod of the shop sends its spans to it.

    Idempotent. ``kubectl`` is how to call it, without a kubeconfig; ``pod_logs`` is the folder
    in which the kubelet keeps what containers log.

    Raises:
        ClusterError: there is no shop, the API server refused something, or it took too long.

    """
    command = (*kubectl, f"--kubeconfig={kubeconfig}")
    if not has_operator(command):
        raise ClusterError("there is no shop to look at: run `make up` first")
    folder = platform.overlay_folder(_OVERLAY)
    manifests = platform.render(kubectl, [folder], crds=published(OBSERVABILITY))
    _mount_logs(manifests, pod_logs)
    platform.apply_kinds(command, manifests)
    platform.apply_objects(command, manifests, report)
    _send_spans(command, OTLP_ENDPOINT, report)


def remove(*, kubectl: Sequence[str], kubeconfig: Path, report: Report) -> None:
    """Return when nothing of the layer is left; harmless when there is none.

    Raises:
        ClusterError: the API server refused something, or it took too long.

    """
    command = (*kubectl, f"--kubeconfig={kubeconfig}")
    if has_operator(command):
        _send_spans(command, "", report)
    manifests = platform.render(kubectl, [platform.overlay_folder(_OVERLAY)])
    # With its namespaces all that is in them goes; what is elsewhere goes one by one.
    own = {found["metadata"]["name"] for found in manifests if found["kind"] == "Namespace"}
    elsewhere = [found for found in manifests if found["metadata"].get("namespace") not in own]
    _delete(command, elsewhere)
    names = [f"customresourcedefinition/{name}" for name in OBSERVABILITY]
    run(*command, "delete", "--ignore-not-found", *names)
    report("the layer is gone")


def _delete(kubectl: Sequence[str], manifests: Sequence[Resource]) -> None:
    text = yaml.dump_all(manifests, Dumper=yaml.CSafeDumper)
    options = ("--ignore-not-found", "--wait=true", f"--timeout={_SECONDS}s")
    run(*kubectl, "delete", *options, "-f", "-", stdin=text)


def _mount_logs(manifests: Sequence[Resource], pod_logs: Path) -> None:
    """Have whoever reads the node's logs read them where this node's kubelet keeps them."""
    for found in manifests:
        if found["kind"] == "DaemonSet":
            for volume in found["spec"]["template"]["spec"]["volumes"]:
                if volume.get("hostPath", {}).get("path") == _POD_LOGS:
                    volume["hostPath"]["path"] = str(pod_logs)


def _send_spans(kubectl: Sequence[str], endpoint: str, report: Report) -> None:
    """Have every pod of the shop send its spans to an endpoint, or nowhere when it is empty."""
    told = f"{_OPERATOR_SETTING}={endpoint}" if endpoint else f"{_OPERATOR_SETTING}-"
    tell_operator(kubectl, told)
    report("waiting until the shop's pods are replaced")
    deadline = time.monotonic() + _SECONDS
    while True:
        found = json.loads(run(*kubectl, "get", *_SHOP_DEPLOYMENTS, "--output=json"))["items"]
        late = sorted(
            each["metadata"]["name"]
            for each in found
            if _endpoint(each) != endpoint or not platform.is_ready(each)
        )
        if not late:
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"not replaced in {_SECONDS} s: {', '.join(late)}")
        time.sleep(1)


def _endpoint(deployment: Resource) -> str:
    """Return where a Deployment's pods send their spans."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return next(
        (
            str(setting.get("value", ""))
            for container in containers
            for setting in container.get("env", ())
            if setting["name"] == _POD_SETTING
        ),
        "",
    )
