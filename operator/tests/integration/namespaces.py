"""Namespaces of a test's own, an operator with its manifests' rights there, and what it says."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import kopf
import yaml
from prometheus_client import REGISTRY

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import NotFoundError
from shop_operator.api.kinds import DEPLOYMENT, EVENT, SHOP_SERVICE, Kind
from shop_operator.metadata import API_VERSION, Manifest
from shop_operator.settings import Settings

from .crds import ROOT
from .shop import Shop

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
    return await _exists(cluster, DEPLOYMENT, namespace, name)


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
    return not await _exists(cluster, SHOP_SERVICE, namespace, name)


async def _exists(cluster: Cluster, kind: Kind, namespace: str, name: str) -> bool:
    try:
        await cluster.admin.get(kind, namespace, name)
    except NotFoundError:
        return False
    return True
