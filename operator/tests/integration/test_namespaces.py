"""Namespaces of services come and go while it runs; a bad one stops only itself."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import kopf
import pytest
import yaml
from prometheus_client import REGISTRY

from shop_cluster.control_plane import ControlPlane
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import NotFoundError
from shop_operator.api.kinds import DEPLOYMENT, EVENT, ROLE, SHOP_SERVICE
from shop_operator.metadata import API_VERSION, Manifest
from shop_operator.settings import Settings

from .crds import ROOT
from .shop import Shop, eventually

OPERATOR = "shop-operator"


@dataclass
class Cluster:
    """The rights of the manifests, in namespaces of a test's own."""

    plane: ControlPlane
    admin: ApiClient
    name: str

    @property
    def system(self) -> str:
        return f"{self.name}-system"

    def namespace(self, suffix: str, *, role: bool = True) -> str:
        """Make a namespace of services, with the operator's Role or without."""
        name = f"{self.name}-{suffix}"
        self.plane.kubectl("create", "namespace", name)
        if role:
            self.give_role(name)
        return name

    def give_role(self, namespace: str) -> None:
        """Give the operator the Role of the manifests in a namespace."""
        self._apply("shop", namespace, {"Role", "RoleBinding"})

    def install(self) -> None:
        """Make the operator's own namespace and all its rights outside those of services."""
        self.plane.kubectl("create", "namespace", self.system)
        self.plane.kubectl("create", "namespace", f"{self.name}-platform")
        self.plane.kubectl("create", "serviceaccount", OPERATOR, "-n", self.system)
        for namespace in ("platform", "minishop-system"):
            self._apply(namespace, self._place(namespace), {"Role", "RoleBinding"})
        self._apply("", "", {"ClusterRole", "ClusterRoleBinding"})

    def uninstall(self) -> None:
        """Take the cluster-wide rights away again."""
        for kind in ("clusterrole", "clusterrolebinding"):
            self.plane.kubectl("delete", kind, self.name)

    def login(self) -> kopf.ConnectionInfo:
        """Log in as the operator's ServiceAccount."""
        token = self.plane.kubectl("create", "token", OPERATOR, "-n", self.system).strip()
        ca = str(self.plane.authority.certificate)
        return kopf.ConnectionInfo(server=self.plane.server, ca_path=ca, token=token)

    def _place(self, namespace: str) -> str:
        return self.system if namespace == "minishop-system" else f"{self.name}-{namespace}"

    def _apply(self, of: str, namespace: str, kinds: set[str]) -> None:
        """Apply the manifests of these kinds in a namespace, as if it were another."""
        path = ROOT / "kustomize" / "base" / "operator" / "rbac.yaml"
        chosen = []
        for body in yaml.safe_load_all(path.read_text()):
            metadata = body["metadata"]
            if body["kind"] not in kinds or metadata.get("namespace", "") != of:
                continue
            if metadata["name"] != OPERATOR:
                continue  # the webhook's
            if namespace:
                metadata["namespace"] = namespace
            else:
                metadata["name"] = self.name
            for subject in body.get("subjects", ()):
                subject["namespace"] = self.system
            if not namespace and "roleRef" in body:
                body["roleRef"]["name"] = self.name
            chosen.append(body)
        assert len(chosen) == len(kinds)
        self.plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(chosen))


@pytest.fixture
async def cluster(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    async with ApiClient(connection.login) as admin:
        found = Cluster(plane, admin, f"n{secrets.token_hex(3)}")
        found.install()
        yield found
        found.uninstall()


@contextlib.asynccontextmanager
async def operator(cluster: Cluster, *namespaces: str) -> AsyncIterator[Shop]:
    """Run an operator with the ServiceAccount's rights for these namespaces and labelled ones."""
    platform = Settings(
        namespaces=namespaces,
        namespace_labels={"minishop.dev/managed": cluster.name},
        operator_namespace=cluster.system,
        platform_namespace=f"{cluster.name}-platform",
        kafka_namespace=f"{cluster.name}-platform",
        lease_seconds=6,
        resync_seconds=5,
    )
    async with ApiClient(cluster.login) as client:
        shop = Shop(cluster.admin, platform)
        await shop.start(client)
        try:
            yield shop
        finally:
            await shop.stop()


async def declare(cluster: Cluster, namespace: str, name: str) -> Manifest:
    body = {
        "apiVersion": API_VERSION,
        "kind": "ShopService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"image": "minishop/test:1"},
    }
    return await cluster.admin.apply(body, manager="user")


async def made(cluster: Cluster, namespace: str, name: str) -> bool:
    try:
        await cluster.admin.get(DEPLOYMENT, namespace, name)
    except NotFoundError:
        return False
    return True


async def reason(cluster: Cluster, namespace: str, name: str) -> tuple[str, str]:
    body = await cluster.admin.get(SHOP_SERVICE, namespace, name)
    for condition in body.get("status", {}).get("conditions", ()):
        if condition["type"] == "Synced":
            return str(condition["reason"]), str(condition["message"])
    return "", ""


def state(namespace: str) -> set[str]:
    names = ("Ready", "Unreadable", "Terminating", "Missing")
    metric = "shop_operator_namespace_state"
    return {
        name
        for name in names
        if REGISTRY.get_sample_value(metric, {"namespace": namespace, "state": name})
    }


def unmet(namespace: str, name: str) -> set[tuple[str, str]]:
    """Return the conditions of a ShopService that are measured as unmet, with their reasons."""
    return {
        (sample.labels["type"], sample.labels["reason"])
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "shop_operator_condition_unmet"
        and (sample.labels["namespace"], sample.labels["service"]) == (namespace, name)
    }


async def is_(namespace: str, *wanted: str) -> bool:
    return state(namespace) == set(wanted)


async def told(cluster: Cluster, word: str, namespace: str) -> bool:
    events = await cluster.admin.list(EVENT, cluster.system)
    return any(e["reason"] == word and namespace in e["note"] for e in events["items"])


async def gone(cluster: Cluster, namespace: str, name: str) -> bool:
    try:
        await cluster.admin.get(SHOP_SERVICE, namespace, name)
    except NotFoundError:
        return True
    return False


async def test_a_labelled_namespace_is_kept_from_then_on_and_no_longer(cluster: Cluster) -> None:
    first = cluster.namespace("first")
    async with operator(cluster, first) as shop:
        await declare(cluster, first, "a")
        await eventually(lambda: made(cluster, first, "a"))
        second = cluster.namespace("second")
        await declare(cluster, second, "b")
        await asyncio.sleep(1)
        assert not await made(cluster, second, "b")
        label = f"minishop.dev/managed={cluster.name}"
        cluster.plane.kubectl("label", "namespace", second, label)
        await eventually(lambda: made(cluster, second, "b"))
        await eventually(lambda: is_(second, "Ready"))
        cluster.plane.kubectl("label", "namespace", second, "minishop.dev/managed-")
        await eventually(lambda: is_(second))
        await declare(cluster, second, "c")
        await declare(cluster, first, "d")
        await eventually(lambda: made(cluster, first, "d"))
        assert not await made(cluster, second, "c")
        assert await made(cluster, second, "b")  # what is there stays
        cluster.plane.kubectl("label", "namespace", second, label)
        await eventually(lambda: made(cluster, second, "c"))
        assert shop.running[0][0].ready


async def test_what_is_unmet_is_measured_and_forgotten_with_its_service(cluster: Cluster) -> None:
    first, second = cluster.namespace("first"), cluster.namespace("second")
    label = f"minishop.dev/managed={cluster.name}"
    cluster.plane.kubectl("label", "namespace", second, label)

    async def all_unmet() -> bool:
        return all((unmet(first, "a"), unmet(first, "b"), unmet(second, "c")))

    async def forgotten() -> bool:
        return not unmet(first, "a") and not unmet(second, "c")

    async with operator(cluster, first):
        for namespace, name in ((first, "a"), (first, "b"), (second, "c")):
            await declare(cluster, namespace, name)
        # No pod ever runs here.
        await eventually(all_unmet)
        await eventually(lambda: made(cluster, first, "a"))
        assert {kind for kind, _ in unmet(first, "a")} == {"Ready", "WorkloadReady"}
        cluster.plane.kubectl("delete", "shopservice", "a", "-n", first, "--wait=false")
        cluster.plane.kubectl("label", "namespace", second, "minishop.dev/managed-")
        await eventually(forgotten)
        assert unmet(first, "b")


async def test_a_namespace_without_the_role_is_reported_and_stops_only_itself(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = cluster.namespace("good"), cluster.namespace("bad", role=False)
    await declare(cluster, bad, "b")
    async with operator(cluster, bad, good) as shop:
        await declare(cluster, good, "a")
        await eventually(lambda: made(cluster, good, "a"))
        assert shop.running[0][0].lease.held
        assert shop.running[0][0].ready

        async def refused() -> bool:
            found, message = await reason(cluster, bad, "b")
            return found == "Forbidden" and "forbidden" in message

        await eventually(refused)
        await eventually(lambda: is_(good, "Ready"))
        await eventually(lambda: is_(bad, "Unreadable"))
        await eventually(lambda: told(cluster, "NamespaceUnreadable", bad))
        await asyncio.sleep(8)  # each kind is asked for again a few times
        warnings = capsys.readouterr().out.count("warning")
        assert warnings < 10
        cluster.give_role(bad)
        await eventually(lambda: made(cluster, bad, "b"))

        async def synced() -> bool:
            return (await reason(cluster, bad, "b"))[0] == "AsDeclared"

        await eventually(synced)
        await eventually(lambda: is_(bad, "Ready"))
        await eventually(lambda: told(cluster, "NamespaceReady", bad))


async def test_a_kind_that_is_forbidden_stops_only_those_that_have_it(cluster: Cluster) -> None:
    place = cluster.namespace("partly")
    role = await cluster.admin.get(ROLE, place, OPERATOR)
    rules = [rule for rule in role["rules"] if "policy" not in rule["apiGroups"]]
    await cluster.admin.merge(ROLE, place, OPERATOR, {"rules": rules})
    async with operator(cluster, place):
        await declare(cluster, place, "a")
        await eventually(lambda: made(cluster, place, "a"))

        async def refused() -> bool:
            found, message = await reason(cluster, place, "a")
            return found == "Forbidden" and "poddisruptionbudgets" in message

        await eventually(refused)


async def test_a_namespace_that_is_not_there_yet(cluster: Cluster) -> None:
    good, late = cluster.namespace("good"), f"{cluster.name}-late"
    async with operator(cluster, late, good):
        await declare(cluster, good, "a")
        await eventually(lambda: made(cluster, good, "a"))
        await eventually(lambda: told(cluster, "NamespaceMissing", late))
        await eventually(lambda: is_(late, "Missing"))
        cluster.namespace("late")
        await declare(cluster, late, "b")
        await eventually(lambda: made(cluster, late, "b"))


async def test_a_namespace_that_is_deleted_comes_to_its_end(cluster: Cluster) -> None:
    """Its Role and RoleBinding go before its ShopServices, as the namespace controller does it."""
    good, ending = cluster.namespace("good"), cluster.namespace("ending")
    async with operator(cluster, ending, good):
        for name in ("a", "b"):
            await declare(cluster, ending, name)
            await eventually(lambda name=name: made(cluster, ending, name))  # type: ignore[misc]
        cluster.plane.kubectl("delete", "namespace", ending, "--wait=false")
        cluster.plane.kubectl("delete", "role,rolebinding", OPERATOR, "-n", ending)
        cluster.plane.kubectl("delete", "shopservice", "--all", "-n", ending, "--wait=false")
        for name in ("a", "b"):
            await eventually(lambda name=name: gone(cluster, ending, name))  # type: ignore[misc]
        await eventually(lambda: is_(ending, "Terminating"))
        await declare(cluster, good, "c")
        await eventually(lambda: made(cluster, good, "c"))


async def test_after_a_restart_too_what_is_in_an_ending_namespace_is_let_go(
    cluster: Cluster,
) -> None:
    ending = cluster.namespace("ending")
    async with operator(cluster, ending):
        await declare(cluster, ending, "a")
        await eventually(lambda: made(cluster, ending, "a"))
    cluster.plane.kubectl("delete", "namespace", ending, "--wait=false")
    cluster.plane.kubectl("delete", "role,rolebinding", OPERATOR, "-n", ending)
    cluster.plane.kubectl("delete", "shopservice", "--all", "-n", ending, "--wait=false")
    async with operator(cluster, ending):
        await eventually(lambda: gone(cluster, ending, "a"))
