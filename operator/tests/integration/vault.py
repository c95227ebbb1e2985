"""A Vault beside a shop: a namespace in the running OpenBao, set up as the platform's is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hvac
import pytest
from shop_servers.servers import BaoNamespace

from shop_cluster.control_plane import ControlPlane
from shop_operator.settings import Settings

from .crds import ROOT
from .shop import Shop

POLICY = ROOT / "manifests" / "platform" / "vault" / "operator-policy.hcl"
OPERATOR = "shop-operator"
REVIEWER = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %(namespace)s-reviewer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:auth-delegator}
subjects: [{kind: ServiceAccount, name: reviewer, namespace: %(namespace)s}]
"""


@dataclass(frozen=True)
class Vault:
    """Vault as its administrator sees it, and its users log in."""

    root: hvac.Client
    plane: ControlPlane
    shop: Shop
    bao: BaoNamespace

    def logged_in(self, service: str) -> hvac.Client:
        """Log in as a service's pods do."""
        name = f"{self.shop.namespace}-{service}"
        jwt = token(self.plane, self.shop.namespace, service)
        client = self.client()
        client.auth.kubernetes.login(role=name, jwt=jwt)
        return client

    def client(self, secret: str = "") -> hvac.Client:
        """Return a client with this token."""
        server = self.bao.server
        return hvac.Client(url=server.url, token=secret, verify=server.ca, namespace=self.bao.name)

    async def read(self, path: str, client: hvac.Client | None = None) -> dict[str, Any] | None:
        """Return the data at a path, without the time of the last change; None without any."""
        answer: Any = await asyncio.to_thread((client or self.root).read, path)
        if answer is None:
            return None
        return {k: v for k, v in answer["data"].items() if k not in {"version", "modified"}}

    async def write(self, path: str, data: dict[str, Any]) -> None:
        """Write to a path, as the administrator."""
        await asyncio.to_thread(self.root.write_data, path, data=data)

    def path(self, kind: str, service: str) -> str:
        """Return a path that has the service's name in Vault at its end."""
        return f"{kind}/{self.shop.namespace}-{service}"


def token(plane: ControlPlane, namespace: str, name: str) -> str:
    """Return a token of a ServiceAccount."""
    return plane.kubectl("create", "token", name, "-n", namespace).strip()


def policy(platform: Settings) -> str:
    """Return the operator's policy as it is in the repository, for a test's namespace."""
    namespace = platform.namespaces[0]
    return (
        POLICY.read_text().replace("/shop-*", f"/{namespace}-*").replace("/shop/", f"/{namespace}/")
    )


@pytest.fixture
async def vault(
    sql: Shop, plane: ControlPlane, bao_namespace: BaoNamespace, tmp_path: Path
) -> AsyncIterator[Vault]:
    """A shop whose Vault and PostgreSQL are the running ones."""
    async with beside(sql, plane, bao_namespace, tmp_path) as found:
        yield found


@asynccontextmanager
async def beside(
    sql: Shop, plane: ControlPlane, bao_namespace: BaoNamespace, tmp_path: Path
) -> AsyncIterator[Vault]:
    """Give a shop a Vault."""
    platform, server = sql.platform, bao_namespace.server
    namespace = platform.operator_namespace
    for name in (OPERATOR, "reviewer"):
        plane.kubectl("create", "serviceaccount", name, "-n", namespace)
    plane.kubectl("apply", "-f", "-", stdin=REVIEWER % {"namespace": namespace})
    jwt = tmp_path / "token"
    jwt.write_text(token(plane, namespace, OPERATOR))
    sql.platform = platform.model_copy(
        update={
            "vault_address": server.url,
            "vault_namespace": bao_namespace.name,
            "vault_ca_file": server.ca,
            "vault_token_file": str(jwt),
            **_postgres(platform),
        }
    )
    root = hvac.Client(
        url=server.url, token=server.token, verify=server.ca, namespace=bao_namespace.name
    )
    found = Vault(root, plane, sql, bao_namespace)
    await asyncio.to_thread(_set_up, found, token(plane, namespace, "reviewer"))
    yield found
    plane.kubectl("delete", "clusterrolebinding", f"{namespace}-reviewer")


def _postgres(platform: Settings) -> dict[str, Any]:
    host, _, port = platform.postgres_address.rpartition(":")
    return {"postgres_host": host, "postgres_port": int(port)}


def _set_up(vault: Vault, reviewer: str) -> None:
    """Do what the platform's set-up does: engines, the auth method, the operator's policy."""
    root, platform = vault.root, vault.shop.platform
    root.sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})
    root.sys.enable_secrets_engine("database")
    root.sys.enable_auth_method("kubernetes")
    root.write_data(
        "auth/kubernetes/config",
        data={
            "kubernetes_host": vault.plane.server,
            "kubernetes_ca_cert": vault.plane.authority.certificate.read_text(),
            "token_reviewer_jwt": reviewer,
            "disable_local_ca_jwt": True,
        },
    )
    root.sys.create_or_update_policy("minishop-operator", policy(platform))
    root.write_data(
        "auth/kubernetes/role/minishop-operator",
        data={
            "bound_service_account_names": OPERATOR,
            "bound_service_account_namespaces": platform.operator_namespace,
            "token_policies": "minishop-operator",
            "token_ttl": "20m",
        },
    )
