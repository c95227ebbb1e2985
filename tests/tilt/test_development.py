"""`make dev` on the cluster: Tilt has the services, a saved line is served, and all goes back."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from shop_journey.development import PORT
from shop_journey.kubectl import Kubectl
from shop_journey.steps import StepFailedError

from shop_cluster.build import tool

SERVICES = (
    *("auth", "gateway", "notification", "order", "payment"),
    *("product", "shipping", "storefront", "user"),
)
# Not of the make that runs these tests: its ARGS are pytest's.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"MAKEFLAGS", "MAKELEVEL", "ARGS"}
}
SECONDS = 600
"""What anything here may take on a machine that is busy."""


def get(kubectl: Kubectl, *words: str) -> Any:
    return asyncio.run(kubectl.get(*words))


def declared(kubectl: Kubectl) -> dict[str, Any]:
    """What is declared of each service, and who declared it."""
    return {
        each["metadata"]["name"]: {
            "spec": each["spec"],
            "labels": each["metadata"].get("labels", {}),
            "annotations": each["metadata"].get("annotations", {}),
            "managers": sorted({found["manager"] for found in each["metadata"]["managedFields"]}),
        }
        for each in get(kubectl, "shopservices", "-n", "shop", "--show-managed-fields")["items"]
    }


def images(kubectl: Kubectl) -> dict[str, str]:
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in get(kubectl, "deployments", "-n", "shop")["items"]
        if each["metadata"]["name"] in SERVICES
    }


def pod(kubectl: Kubectl, service: str) -> dict[str, Any]:
    """The one pod of a service that stays."""
    found = get(kubectl, "pods", "-n", "shop", "-l", f"app.kubernetes.io/name={service}")["items"]
    [living] = [each for each in found if "deletionTimestamp" not in each["metadata"]]
    return dict(living)


def restarts(found: dict[str, Any]) -> int:
    """How often the service's container was started again; an agent of Vault may be beside it."""
    [count] = (
        each["restartCount"]
        for each in found["status"]["containerStatuses"]
        if each["name"] == "service"
    )
    return int(count)


def title(kubectl: Kubectl, name: str) -> str:
    """What a pod calls its API now; "" while it does not answer."""
    path = f"/api/v1/namespaces/shop/pods/{name}:8000/proxy/openapi.json"
    try:
        return str(json.loads(asyncio.run(kubectl("get", "--raw", path)))["info"]["title"])
    except StepFailedError:
        return ""


def listening(pid: int) -> set[str]:
    """The addresses that a process listens on."""
    lines = subprocess.run(
        ["ss", "--listening", "--tcp", "--numeric", "--no-header", "--processes"],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    return {line.split()[3].rpartition(":")[0] for line in lines if f"pid={pid}," in line}


def tilt(*words: str) -> Any:
    command = [str(tool("tilt")), *words, f"--port={PORT}", "--output=json"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(asked.stdout) if asked.returncode == 0 else {"items": []}


def working(resource: dict[str, Any]) -> bool:
    status = resource["status"]
    return status.get("updateStatus") in {"ok", "not_applicable"} and status.get(
        "runtimeStatus"
    ) in {"ok", "not_applicable"}


@contextmanager
def tilt_up(copy: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "dev"], cwd=copy, stdout=output, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, process_group=0, env=ENVIRONMENT,
        )  # fmt: skip
    try:
        yield process
    finally:
        # To make and to what it runs, as Ctrl-C goes to both; that is ignored where no terminal is.
        with suppress(ProcessLookupError):  # it ended by itself, which the test has told
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(SECONDS)


@pytest.fixture(scope="module")
def before(kubectl: Kubectl) -> dict[str, Any]:
    return declared(kubectl)


@pytest.fixture(scope="module", autouse=True)
def put_back(before: dict[str, Any], copy: Path) -> Iterator[None]:
    """Whatever happens, the shop is its people's again."""
    yield
    make(copy, "dev-down")


def make(copy: Path, *words: str) -> str:
    done = subprocess.run(
        ["make", *words],
        cwd=copy,
        text=True,
        capture_output=True,
        check=False,
        timeout=SECONDS,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_a_shop_is_developed_on_and_put_back(
    kubectl: Kubectl, copy: Path, before: dict[str, Any], tmp_path: Path
) -> None:
    deployed = images(kubectl)
    assert "SUCCESS" in make(copy, "dev", "ARGS=ci")
    assert {
        name: image.rpartition(":")[0] for name, image in images(kubectl).items()
    } == {name: f"minishop/{name}" for name in SERVICES}  # fmt: skip
    assert all(":dev-" in image for image in images(kubectl).values())
    assert {each["metadata"]["name"] for each in tilt("get", "uiresources")["items"]} == set()

    main = copy / "services/product/src/shop_product/main.py"
    text = main.read_text()
    with tilt_up(copy, tmp_path / "log") as process:
        wait_until(is_up, process, tmp_path / "log")
        was = pod(kubectl, "product")
        name = was["metadata"]["name"]
        pid = session_pid()
        assert listening(pid)
        assert listening(pid) <= {"127.0.0.1", "[::1]"}
        assert title(kubectl, name) == "Minishop products"
        main.write_text(text.replace('"Minishop products"', '"Minishop goods"'))
        wait_until(lambda: title(kubectl, name) == "Minishop goods", process, tmp_path / "log")
        # The process was started again, not the container, and the pod is the one it was.
        status = pod(kubectl, "product")
        assert status["metadata"]["uid"] == was["metadata"]["uid"]
        assert restarts(status) == restarts(was)

    make(copy, "dev-down")
    assert declared(kubectl) == before
    assert images(kubectl) == deployed
    assert title(kubectl, pod(kubectl, "product")["metadata"]["name"]) == "Minishop products"


def test_with_nothing_of_tilts_there_is_nothing_to_put_back(
    kubectl: Kubectl, copy: Path, before: dict[str, Any]
) -> None:
    make(copy, "dev-down")
    assert "nothing to put back" in make(copy, "dev-down")
    assert declared(kubectl) == before


def is_up() -> bool:
    resources = tilt("get", "uiresources")["items"]
    named = {each["metadata"]["name"]: each for each in resources}
    return set(SERVICES) <= set(named) and all(working(named[name]) for name in SERVICES)


def session_pid() -> int:
    [session] = tilt("get", "sessions")["items"]
    return int(session["status"]["pid"])


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() < deadline, log.read_text()[-4000:]
        time.sleep(0.2)
