"""The rights of kustomize/base/operator/rbac.yaml are enough, and no more than is needed."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import kopf
import pytest
import yaml
from shop_servers.servers import Postgres, RabbitMQ, Redis

from shop_cluster.control_plane import ControlPlane
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import DEPLOYMENT, KAFKA_CONNECTOR, SECRET, SHOP_SERVICE, Kind
from shop_operator.children.access_secret import decode
from shop_operator.settings import Settings

from .audit import requests
from .crds import ROOT
from .harm import HARM, SPEC
from .outside import Sql, administrators, logins
from .program import operator_program
from .shop import Shop, eventually
from .workloads import container, hastened, make_pod, ready_at

FORBIDDEN = 403
OPERATOR = "system:serviceaccount:minishop-system:shop-operator"
OUTSIDE = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "platform"}},
    {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "minishop-connect", "namespace": "platform"},
    },
]
"""What the platform's own manifests make."""


@pytest.fixture
async def installed(
    plane: ControlPlane,
    postgres: Postgres,
    redis: Redis,
    rabbitmq: RabbitMQ,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Shop]:
    """A shop in the namespaces that the manifests name, with the rights that they give."""
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    folder = ROOT / "kustomize" / "base" / "operator"
    plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(OUTSIDE))
    plane.kubectl("apply", "-f", str(folder / "namespaces.yaml"), "-f", str(folder / "rbac.yaml"))
    at = urlsplit(postgres.url)
    platform = Settings(postgres_address=f"{at.hostname}:{at.port}", **logins(redis, rabbitmq))
    async with ApiClient(connection.login) as client:
        shop = Shop(client, platform)
        await shop.secret("postgres-admin", at.username or "", at.password or "")
        await administrators(shop, redis, rabbitmq)
        await shop.secret("somebody-elses", "a", "b")
        yield shop


def token(plane: ControlPlane, namespace: str, name: str) -> str:
    """Return a token of a ServiceAccount, as its pod would have it."""
    return plane.kubectl("create", "token", name, "-n", namespace).strip()


def login(plane: ControlPlane, namespace: str, name: str) -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(
        server=plane.server,
        ca_path=str(plane.authority.certificate),
        token=token(plane, namespace, name),
    )


async def test_a_whole_service_needs_no_right_that_is_not_given(
    installed: Shop, plane: ControlPlane, postgres: Postgres, tmp_path: Path
) -> None:
    shop, before = installed, len(list(requests(plane, OPERATOR)))
    database = {"kind": "postgres", "name": f"d{secrets.token_hex(4)}", "onDelete": "Drop"}
    found = yaml.safe_load(plane.kubeconfig.read_text())
    found["users"][0]["user"] = {"token": token(plane, "minishop-system", "shop-operator")}
    kubeconfig = tmp_path / "token"
    kubeconfig.write_text(yaml.safe_dump(found))
    edge = {"MINISHOP_EDGE": "gateway-api"}
    with operator_program(shop.platform, kubeconfig, tmp_path / "log", **edge) as process:
        spec = {**SPEC, "events": {**SPEC["events"], "outbox": {}}, "database": database}
        await shop.declare("whole", **spec, routeTable={"statusPath": "/routez"})
        await shop.reason("whole", "CdcReady", "OutboxMissing", seconds=60)
        await Sql(postgres).migrate(shop, "whole", database["name"])
        await shop.reason("whole", "CdcReady", "ConnectorNotReady", seconds=60)
        await shop.reason("whole", "Synced", "AsDeclared", seconds=60)
        await _connect_reads_its_login_alone(shop, plane, database["name"])
        crashed = container(
            {"waiting": {"reason": "CrashLoopBackOff"}},
            {"terminated": {"exitCode": 1, "reason": "Error"}},
        )
        await make_pod(shop, "whole", "whole-1", {"containerStatuses": [crashed]})
        await shop.reason("whole", "WorkloadReady", "CrashLooping", seconds=60)
        await make_pod(shop, "whole", "whole-2", ready_at("127.0.0.9"))
        await shop.declare("behind", route={"paths": ["/v1/behind"], "via": "gateway"})
        await eventually(lambda: hastened(shop, "whole-2"), seconds=60)
        await shop.client.merge(DEPLOYMENT, "shop", "whole", HARM["Deployment"])
        await shop.declare("whole", database=database, port=9000)  # much is pruned
        await eventually(lambda: _gone(shop, KAFKA_CONNECTOR, "whole-outbox"), seconds=60)
        body = await shop.client.get(SHOP_SERVICE, "shop", "whole")
        await shop.client.delete(SHOP_SERVICE, "shop", "whole", uid=body["metadata"]["uid"])
        await eventually(lambda: _gone(shop, SHOP_SERVICE, "whole"), seconds=60)
        assert process.poll() is None
    asked = list(requests(plane, OPERATOR))[before:]
    assert {"create", "patch", "delete", "list", "watch"} <= {request.verb for request in asked}
    assert ("get", "pods", "whole-1") in {(r.verb, r.resource, r.name) for r in asked}  # its log
    assert ("patch", "pods", "whole-2") in {(r.verb, r.resource, r.name) for r in asked}
    refused = {(r.verb, r.resource, r.name) for r in asked if r.code == FORBIDDEN}
    assert refused == set()


async def test_other_secrets_are_out_of_the_operators_reach(
    installed: Shop, plane: ControlPlane
) -> None:
    _ = installed
    async with ApiClient(lambda: login(plane, "minishop-system", "shop-operator")) as client:
        assert await client.get(SECRET, "platform", "postgres-admin")
        for namespace, name in (("platform", "somebody-elses"), ("minishop-system", "any")):
            with pytest.raises(ApiError, match="forbidden") as refused:
                await client.get(SECRET, namespace, name)
            assert refused.value.status == FORBIDDEN
            with pytest.raises(ApiError, match="forbidden"):
                await client.list(SECRET, namespace)


async def _connect_reads_its_login_alone(shop: Shop, plane: ControlPlane, database: str) -> None:
    async with ApiClient(lambda: login(plane, "platform", "minishop-connect")) as connect:
        connector = await shop.client.get(KAFKA_CONNECTOR, "platform", "whole-outbox")
        # As Connect's provider reads it: ${secrets:<namespace>/<name>:<key>}
        reference = connector["spec"]["config"]["database.password"]
        namespace, _, name = reference.split(":")[1].partition("/")
        secret = await connect.get(SECRET, namespace, name)
        assert decode(secret["data"]["username"]) == f"{database}_cdc"
        for place, other in (("shop", "whole-access"), ("platform", "postgres-admin")):
            with pytest.raises(ApiError, match="forbidden"):
                await connect.get(SECRET, place, other)


async def _gone(shop: Shop, kind: Kind, name: str) -> bool:
    namespace = "platform" if kind is KAFKA_CONNECTOR else "shop"
    return await shop.get(kind, name, namespace) is None
