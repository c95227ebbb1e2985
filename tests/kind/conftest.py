"""A cluster of kind's with the shop on it, beside any other: a name, ports, access of its own."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from pytest_kind import KindCluster

from kind.traces import Traces, traces
from shop_cluster import kind as kind_cluster
from shop_cluster.paths import checkout

NAME = "minishop-test"
API = 8080


@dataclass
class Shop:
    """A shop on a cluster of its own, and what the machine had before that."""

    url: str
    provider: str
    cluster: KindCluster
    before: Traces
    deleted: bool = False

    def delete(self) -> None:
        """Take the cluster away, with what this machine got for it."""
        self.cluster.delete()
        kind_cluster.clean_up()
        self.deleted = True


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    if reason := kind_cluster.reason_against():
        pytest.skip(reason)
    before = traces()
    programs = kind_cluster.prepare()
    folder = tmp_path_factory.mktemp("kind")
    configuration, url = with_free_ports(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # pytest-kind keeps its files in the current folder
        patch.setattr(tempfile, "tempdir", str(folder))  # and pykube the cluster's keys, for ever
        cluster = KindCluster(
            NAME,
            image=kind_cluster.node_image(),
            kind_path=Path(programs.kind),
            kubectl_path=Path(programs.kubectl),
            kubeconfig=folder / "kubeconfig",
        )
        provider = "podman" if kind_cluster.on_podman() else "docker"
        found = Shop(url, provider, cluster, before)
        try:
            cluster.create(configuration)
            bring_up(found)
            yield found
        finally:
            if not found.deleted:
                found.delete()


def with_free_ports(folder: Path) -> tuple[Path, str]:
    """Write the repository's configuration with host's ports that are free; return the API's URL.

    Another cluster may have the shop's own.
    """
    configuration = yaml.safe_load((checkout() / "kind-config.yaml").read_text())
    ports = {}
    for mapping in configuration["nodes"][0]["extraPortMappings"]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            mapping["hostPort"] = ports[mapping["containerPort"]] = free.getsockname()[1]
    file = folder / "kind-config.yaml"
    file.write_text(yaml.safe_dump(configuration))
    return file, f"http://127.0.0.1:{ports[API]}"


def bring_up(shop: Shop) -> None:
    """Do what `make up` does, on the cluster that there is."""
    subprocess.run(
        [sys.executable, "-m", "shop_journey", "up", "--no-walk"],
        env={
            **os.environ,
            "CLUSTER": "kind",
            "KIND_CLUSTER_NAME": NAME,
            "KUBECONFIG": str(shop.cluster.kubeconfig_path),
            "SHOP_URL": shop.url,
        },
        check=True,
    )
