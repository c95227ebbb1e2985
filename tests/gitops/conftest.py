"""Flux on the cluster of the shop, and a namespace of the tests' own that it keeps.

The layer `gitops` goes again after the tests if it was not there. What the tests do to a service,
they do to one in that namespace: the shop is other people's.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from shop_journey import gitops
from shop_journey.git_server import GitServer
from shop_journey.kubectl import Kubectl
from shop_journey.place import ROOT, Place

from gitops.repository import NAME, NAMESPACE, Repository
from ready_shop import ready_shop
from shop_cluster.flux_entry import KUSTOMIZATIONS

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    """Where Flux runs beside the shop."""
    found = ready_shop()
    was_there = asyncio.run(_bring(found))
    yield found
    if not was_there:
        asyncio.run(gitops.remove(found, print))


async def _bring(place: Place) -> bool:
    """Have Flux beside the shop; tell whether it was there before."""
    was_there = await gitops.is_installed(place.kubectl)
    await gitops.install(place, print)
    return was_there


@pytest.fixture(scope="session")
def kubectl(place: Place) -> Kubectl:
    return place.kubectl


@pytest.fixture(scope="session")
def guestbook(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The manifest of a service that keeps what it is told, its image in the cluster."""
    folder = tmp_path_factory.mktemp("service")
    asyncio.run(_program("kubectl-shop", "init", NAME, "--in", folder))
    asyncio.run(_program("shop-cluster", "image", folder / NAME, "--version", "0.1.0"))
    found: dict[str, Any] = yaml.safe_load((folder / NAME / "shopservice.yaml").read_text())
    found["metadata"]["namespace"] = NAMESPACE
    found["spec"]["replicas"] = 1
    del found["spec"]["route"]  # there is no gateway
    return found


async def _program(*words: str | Path, env: dict[str, str] | None = None) -> None:
    process = await asyncio.create_subprocess_exec(BIN / words[0], *words[1:], env=env)
    assert await process.wait() == 0


@pytest.fixture
def kubectl_shop(kubectl: Kubectl) -> Callable[..., Awaitable[None]]:
    """Return what calls the operator's plugin of kubectl for the guestbook's namespace."""

    async def call(*words: str) -> None:
        await _program("kubectl-shop", *words, f"--namespace={NAMESPACE}", env=kubectl.environment)

    return call


@pytest.fixture(scope="session")
def namespace(kubectl: Kubectl, guestbook: dict[str, Any]) -> Iterator[str]:
    """A namespace of services that Flux keeps as Git has it; no data stay after."""
    asyncio.run(kubectl.apply(*_admitted(), _kustomization()))
    yield NAMESPACE
    asyncio.run(_remove(kubectl, guestbook))


def _admitted() -> Iterator[dict[str, Any]]:
    """Yield the namespace, the operator's rights in it, and the way from it to the stores."""
    labels = {"minishop.dev/managed": "true", "pod-security.kubernetes.io/enforce": "restricted"}
    yield {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": labels},
    }
    rights = ROOT / "kustomize" / "base" / "operator" / "rbac.yaml"
    for each in yaml.safe_load_all(rights.read_text()):
        if each["metadata"].get("namespace") == "shop":
            each["metadata"]["namespace"] = NAMESPACE
            yield each
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}}
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": NAMESPACE, "namespace": "platform"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [peer]}]},
    }


def _kustomization() -> dict[str, Any]:
    """Return the shop's own, of another folder and without what it waits for."""
    sync = ROOT / "manifests" / "gitops" / "sync"
    found: dict[str, Any] = next(yaml.safe_load_all((sync / "shop.yaml").read_text()))
    found["spec"] |= yaml.safe_load((sync / "shopservice-health.yaml").read_text())["spec"]
    found["metadata"] = {"name": NAMESPACE, "namespace": gitops.NAMESPACE}
    found["spec"] |= {"path": f"./{NAMESPACE}", "suspend": True}  # until a test has written there
    del found["spec"]["dependsOn"]
    return found


async def _remove(kubectl: Kubectl, guestbook: dict[str, Any]) -> None:
    await kubectl("delete", KUSTOMIZATIONS, NAMESPACE, "-n", gitops.NAMESPACE)
    for each in (guestbook["spec"]["database"], *guestbook["spec"]["events"]["publishes"]):
        each["onDelete"] = "Drop"
    await kubectl.apply(guestbook)
    await kubectl(
        "wait",
        f"shopservice/{NAME}",
        f"-n={NAMESPACE}",
        "--for=condition=Ready",
        "--timeout=180s",
    )
    await kubectl("delete", "shopservice", NAME, f"-n={NAMESPACE}", "--timeout=120s")
    await kubectl("delete", "networkpolicy", NAMESPACE, "-n=platform")
    await kubectl("delete", "namespace", NAMESPACE, "--timeout=120s")


@pytest.fixture
async def repository(
    kubectl: Kubectl, namespace: str, guestbook: dict[str, Any], tmp_path: Path
) -> AsyncIterator[Repository]:
    """A clone of what Flux follows, with the guestbook running; it is as before after the test."""
    server = GitServer(kubectl)
    clone = tmp_path / "clone"
    await server.clone(clone)
    before = (await server.git("-C", str(clone), "rev-parse", "HEAD")).strip()
    found = Repository(kubectl, server, clone)
    found.write(guestbook)
    await found.commit("A guestbook")
    await found.suspend(now=False)
    await found.applied()
    yield found
    await found.suspend(now=True)
    await server.git("-C", str(clone), "read-tree", "-u", "--reset", before)
    await found.commit("As before")
