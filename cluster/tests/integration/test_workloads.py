"""What a user of a cluster relies on, seen from a pod, from kubectl and from this machine."""

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from shop_cluster.build import shopkube
from shop_cluster.paths import ClusterPaths

Kubectl = Callable[..., str]

MANIFEST = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: web}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Mi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      securityContext: {runAsNonRoot: true, runAsUser: 10001}
      containers:
      - name: web
        image: IMAGE
        imagePullPolicy: Never
        command: [python3, -u, -m, http.server, "8000", --directory, /data]
        readinessProbe: {tcpSocket: {port: 8000}, periodSeconds: 1}
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: web}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8000}]
"""

ASK_API = """
import json, ssl, urllib.request
folder = "/var/run/secrets/kubernetes.io/serviceaccount"
tls = ssl.create_default_context(cafile=folder + "/ca.crt")
url = "https://kubernetes.default.svc/version"
print(json.load(urllib.request.urlopen(url, context=tls, timeout=5))["gitVersion"])
"""


@pytest.fixture
def web(kubectl: Kubectl, namespace: str, image: str) -> Callable[..., str]:
    def here(*words: str, stdin: str | None = None) -> str:
        return kubectl("--namespace", namespace, *words, stdin=stdin)

    here("apply", "-f", "-", stdin=MANIFEST.replace("IMAGE", image))
    here("rollout", "status", "deployment/web", "--timeout=120s")
    return here


def in_pod(web: Callable[..., str], *command: str) -> str:
    return web("exec", "deployment/web", "--", *command)


def fetch(url: str) -> str:
    """Ask until there is an answer: rules for a new address take a moment to be written."""
    deadline = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_a_volume_outlives_its_pod(web: Callable[..., str]) -> None:
    in_pod(web, "sh", "-c", "echo kept > /data/note")
    before = web("get", "pods", "-l", "app=web", "-o", "name")
    web("delete", "pods", "-l", "app=web")
    web("rollout", "status", "deployment/web", "--timeout=120s")
    assert web("get", "pods", "-l", "app=web", "-o", "name") != before
    assert in_pod(web, "cat", "/data/note") == "kept\n"
    assert json.loads(web("get", "pvc", "web", "-o", "json"))["status"]["phase"] == "Bound"


def test_a_claims_directory_goes_with_the_claim(
    web: Callable[..., str], cluster: ClusterPaths
) -> None:
    volume = json.loads(web("get", "pvc", "web", "-o", "json"))["spec"]["volumeName"]
    directory = cluster.state / "volumes" / volume
    assert directory.is_dir()
    web("delete", "deployment", "web")
    web("delete", "pvc", "web")
    web("wait", "--for=delete", f"pv/{volume}", "--timeout=60s")
    assert not directory.exists()


def test_a_pod_finds_services_and_the_api_by_name(web: Callable[..., str], namespace: str) -> None:
    in_pod(web, "sh", "-c", "echo hello > /data/index.html")
    fetch(f"http://{web('get', 'service', 'web', '-o=jsonpath={.spec.clusterIP}')}/")
    url = f"http://web.{namespace}.svc.cluster.local/"
    program = f"import urllib.request as u; print(u.urlopen('{url}', timeout=5).read().decode())"
    assert in_pod(web, "python3", "-c", program).strip() == "hello"
    assert in_pod(web, "python3", "-c", ASK_API).startswith("v1.34.")


def test_a_node_port_answers_on_this_machine_only(web: Callable[..., str]) -> None:
    in_pod(web, "sh", "-c", "echo hello > /data/index.html")
    service = json.loads(web("get", "service", "web", "-o", "json"))
    port = service["spec"]["ports"][0]["nodePort"]
    assert fetch(f"http://127.0.0.1:{port}/") == "hello\n"
    assert fetch(f"http://10.200.0.1:{port}/") == "hello\n"
    assert fetch(f"http://{service['spec']['clusterIP']}/") == "hello\n"


@pytest.mark.parametrize("address", ["10.96.255.254", "10.244.255.254"])
def test_where_no_service_or_pod_is_nobody_answers(web: Callable[..., str], address: str) -> None:
    """Least of all the machine's networks, which is where packets without a rule would go."""
    with pytest.raises(OSError, match="No route to host"):
        socket.create_connection((address, 80), timeout=30)
    program = f"import socket; socket.create_connection(('{address}', 80), timeout=30)"
    with pytest.raises(AssertionError, match="No route to host"):
        in_pod(web, "python3", "-c", program)


def test_logs_are_there(web: Callable[..., str]) -> None:
    assert "Serving HTTP" in web("logs", "deployment/web")


@pytest.fixture
def forwarded(web: Callable[..., str], cluster: ClusterPaths, namespace: str) -> Iterator[str]:
    command = [str(shopkube()), "kubectl", f"--kubeconfig={cluster.kubeconfig}", "-n", namespace]
    command += ["port-forward", "deployment/web", ":8000"]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("Forwarding from ").split()[0]
        yield f"http://{address}/"
        process.terminate()


def test_port_forward(web: Callable[..., str], forwarded: str) -> None:
    in_pod(web, "sh", "-c", "echo hello > /data/index.html")
    assert fetch(forwarded) == "hello\n"


def test_a_container_that_dies_is_started_again(web: Callable[..., str]) -> None:
    # From the background, as what is executed in a container dies with it.
    in_pod(web, "sh", "-c", "(sleep 0.5; kill -INT 1) >/dev/null 2>&1 &")
    deadline = time.monotonic() + 60
    while True:
        pod = json.loads(web("get", "pods", "-l", "app=web", "-o", "json"))["items"][0]
        state = pod["status"]["containerStatuses"][0]
        if state["restartCount"] and state["ready"]:
            break
        assert time.monotonic() < deadline, state
        time.sleep(0.2)
