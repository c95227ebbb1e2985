"""Which cluster is chosen, and what kind and Docker are asked for: programs that write it down."""

import os
import socket
from pathlib import Path

import pytest

from shop_cluster import kind
from shop_cluster.errors import ClusterError
from shop_cluster.image_catalogue import Image

RECORD = """#!/bin/sh
echo "$(basename "$0") $*" >> {log}
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have no programs but a shell's; return the folder that PATH leads to."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "basename"):
        (folder / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    for name in ("CLUSTER", "KIND_CLUSTER_NAME"):
        monkeypatch.delenv(name, raising=False)
    # Whatever podman this machine has for kind: these tests have none.
    monkeypatch.setenv("MINISHOP_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("MINISHOP_RUN", str(tmp_path / "run"))
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def install(machine: Path, log: Path, *names: str) -> None:
    for name in names:
        (machine / name).write_text(RECORD.format(log=log))
        (machine / name).chmod(0o755)


def test_kind_where_docker_answers(machine: Path, log: Path) -> None:
    assert kind.chosen() == "embedded"
    install(machine, log, "kind")
    assert kind.chosen() == "embedded"
    install(machine, log, "docker")
    assert kind.chosen() == "kind"
    (machine / "docker").write_text("#!/bin/sh\nexit 1\n")
    assert kind.chosen() == "embedded"


def test_what_is_asked_for_is_chosen(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER", "current")
    assert kind.chosen() == "current"
    monkeypatch.setenv("CLUSTER", "minikube")
    with pytest.raises(ClusterError, match="it is one of embedded, kind, current"):
        kind.chosen()


def test_who_may_not_is_told_in_a_line(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"^kind needs a running Docker; without one, root .*$"):
        kind.up()


def test_a_cluster_that_there_is_not_is_made(
    machine: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "_check_ports", lambda configuration: None)
    install(machine, log, "docker", "kind")
    kind.up()
    created = log.read_text().splitlines()[-1]
    assert created.startswith("kind create cluster --name=minishop --config=")
    assert created.endswith("kind-config.yaml --wait=180s")


def test_where_somebody_answers_already_none_is_made(
    machine: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(machine, log, "docker", "kind")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        mapping = f"{{hostPort: {port}, listenAddress: 127.0.0.1}}"
        (tmp_path / "kind-config.yaml").write_text(f"nodes: [{{extraPortMappings: [{mapping}]}}]")
        monkeypatch.setattr(kind, "checkout", lambda: tmp_path)
        with pytest.raises(ClusterError, match=f"port {port} is in use"):
            kind.up()
    assert "create" not in log.read_text()
    kind.up()
    assert "create" in log.read_text()


def test_a_cluster_that_there_is_is_taken(machine: Path, log: Path) -> None:
    install(machine, log, "docker", "kind")
    (machine / "kind").write_text(RECORD.format(log=log) + "echo minishop\n")
    kind.up()
    assert log.read_text().splitlines()[-1] == "kind export kubeconfig --name=minishop"


def test_an_image_is_fetched_for_built_and_loaded(
    machine: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{machine}:/usr/bin:/bin")
    install(machine, log, "docker", "kind")
    context = tmp_path / "connect"
    context.mkdir()
    (context / "fetch.sh").write_text('#!/bin/sh\nmkdir -p "$1" && echo jar > "$1/plugin.jar"\n')
    (context / "fetch.sh").chmod(0o755)
    image = Image(
        name="connect",
        version="1.2.3",
        dockerfile=context / "Dockerfile.strimzi",
        context=context,
        inputs=(context,),
        arguments={"SERVICE": "any"},
        fetch=context / "fetch.sh",
    )
    kind.ensure_image(image, load=True)
    assert (context / "fetched" / "plugin.jar").read_text() == "jar\n"
    built, loaded = log.read_text().splitlines()
    assert built.startswith("docker build --quiet --tag=minishop/connect:1.2.3 ")
    assert built.endswith(f" --file={image.dockerfile} --build-arg=SERVICE=any {context}")
    assert loaded == "kind load docker-image --name=minishop minishop/connect:1.2.3"
