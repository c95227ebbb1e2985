"""The API server asks the operator about ShopServices, over TLS that the operator keeps itself."""

import asyncio
import base64
import subprocess
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from shop_servers.instance import free_port

from shop_cluster.control_plane import ControlPlane
from shop_operator.admission import certificate as certificates
from shop_operator.admission.webhook import SECRET_NAME, WEBHOOK_NAME, Webhook
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, ConflictError
from shop_operator.api.kinds import SECRET, SHOP_SERVICE, VALIDATING_WEBHOOK
from shop_operator.metadata import Manifest

from .crds import ROOT
from .program import operator_program
from .shop import Shop, eventually

TOPIC = {"publishes": [{"topic": "things.events"}]}


def configuration(shop: Shop, port: int) -> Manifest:
    """Return the configuration that is installed, for an operator at a port of this machine."""
    file = ROOT / "kustomize" / "base" / "operator" / "webhook.yaml"
    found: Manifest = next(
        body
        for body in yaml.safe_load_all(file.read_text())
        if body["kind"] == "ValidatingWebhookConfiguration"
    )
    [hook] = found["webhooks"]
    path = hook["clientConfig"].pop("service")["path"]
    hook["clientConfig"]["url"] = f"https://127.0.0.1:{port}{path}"
    inside = {"kubernetes.io/metadata.name": shop.namespace}
    hook["namespaceSelector"] = {"matchLabels": inside}
    return found


@pytest.fixture
async def asked(shop: Shop, plane: ControlPlane, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop whose API server asks the operator, a process of its own."""
    port = free_port()
    body = yaml.safe_dump(configuration(shop, port))
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=body)
    log = tmp_path / "operator.log"
    settings = {"MINISHOP_WEBHOOK_PORT": str(port), "MINISHOP_WEBHOOK_HOSTS": '["127.0.0.1"]'}

    async def asks() -> bool:
        probe = {"image": "probe:latest"}
        ask = partial(warnings_of, plane, shop, "probe", probe, "--dry-run=server")
        answer = await asyncio.to_thread(ask)
        return "can change under its tag" in answer

    try:
        with operator_program(shop.platform, plane.kubeconfig, log, **settings):
            await eventually(asks, seconds=90, why=log.read_text)
            yield shop
    finally:
        plane.kubectl("delete", "validatingwebhookconfiguration", WEBHOOK_NAME)


def warnings_of(
    plane: ControlPlane, shop: Shop, name: str, spec: dict[str, Any], *flags: str
) -> str:
    """Apply a ShopService as a person does; return what kubectl warned of."""
    body = {
        "apiVersion": SHOP_SERVICE.api_version,
        "kind": SHOP_SERVICE.kind,
        "metadata": {"name": name, "namespace": shop.namespace},
        "spec": spec,
    }
    command = [str(plane.binary), "kubectl", f"--kubeconfig={plane.kubeconfig}"]
    command += ["apply", *flags, "-f", "-"]
    text = yaml.safe_dump(body)
    return subprocess.run(command, input=text, text=True, capture_output=True, check=True).stderr


async def test_what_another_has_is_refused_at_once(asked: Shop) -> None:
    await asked.declare("owner", events=TOPIC)
    await asked.settled("owner")
    with pytest.raises(ApiError, match=f"things.events.*{asked.namespace}/owner") as refused:
        await asked.declare("thief", events=TOPIC)
    assert refused.value.status == 409
    assert await asked.get(SHOP_SERVICE, "thief") is None
    owner = await asked.declare("owner", events=TOPIC, replicas=2)  # its own stays its own
    uid = owner["metadata"]["uid"]
    await asked.client.delete(SHOP_SERVICE, asked.namespace, "owner", uid=uid)

    async def gone() -> bool:
        return await asked.get(SHOP_SERVICE, "owner") is None

    await eventually(gone, seconds=60)


async def test_the_api_server_is_given_the_certificate_that_the_secret_keeps(asked: Shop) -> None:
    namespace = asked.platform.operator_namespace
    secret = await asked.client.get(SECRET, namespace, SECRET_NAME)
    found = certificates.certificate_in(secret)
    assert found is not None
    hooks = (await asked.client.get(VALIDATING_WEBHOOK, "", WEBHOOK_NAME))["webhooks"]
    bundles = [base64.b64decode(hook["clientConfig"]["caBundle"]) for hook in hooks]
    assert bundles == [found.authorities]


async def test_a_certificate_for_other_hosts_makes_way(shop: Shop, tmp_path: Path) -> None:
    async def certificate_for(host: str) -> str:
        platform = shop.platform.model_copy(update={"webhook_hosts": (host,)})
        keeper = Webhook(shop.client, platform, folder=tmp_path, holds_lease=lambda: True)
        await keeper.keep()
        return (tmp_path / certificates.CERTIFICATE_FILE).read_text()

    before = await certificate_for("a.example")
    assert await certificate_for("a.example") == before
    after = await certificate_for("b.example")
    assert after != before
    secret = await shop.client.get(SECRET, shop.platform.operator_namespace, SECRET_NAME)
    # Until every replica has it, the API server trusts the one before, too.
    assert base64.b64decode(secret["data"]["ca.crt"]).decode() == after + before


class Overtaken(ApiClient):
    """A client before whose every merge somebody else changes the webhook's configuration."""

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(connection.login)
        self._plane = plane

    async def merge(self, *_: Any, **__: Any) -> Manifest:
        patch = '[{"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 7}]'
        what = ("validatingwebhookconfiguration", WEBHOOK_NAME, "--type=json", f"--patch={patch}")
        await asyncio.to_thread(self._plane.kubectl, "patch", *what)
        return await super().merge(*_, **__)


async def test_the_bundle_overwrites_nothing_that_came_meanwhile(
    shop: Shop, plane: ControlPlane, closed_port: int, tmp_path: Path
) -> None:
    body = yaml.safe_dump(configuration(shop, closed_port))
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=body)

    async def keep(client: ApiClient) -> None:
        await Webhook(client, shop.platform, folder=tmp_path, holds_lease=lambda: True).keep()

    try:
        async with Overtaken(plane) as overtaken:
            with pytest.raises(ConflictError):
                await keep(overtaken)
        await keep(shop.client)
        live = await shop.client.get(VALIDATING_WEBHOOK, "", WEBHOOK_NAME)
        assert [hook["timeoutSeconds"] for hook in live["webhooks"]] == [7]
        assert all(hook["clientConfig"]["caBundle"] for hook in live["webhooks"])
    finally:
        plane.kubectl("delete", "validatingwebhookconfiguration", WEBHOOK_NAME)


async def test_without_the_operator_everything_is_taken(
    shop: Shop, plane: ControlPlane, closed_port: int
) -> None:
    body = yaml.safe_dump(configuration(shop, closed_port))
    plane.kubectl("apply", "--server-side", "-f", "-", stdin=body)
    try:
        await shop.declare("alone", image="a:latest")
        await shop.start()
        await shop.settled("alone")
    finally:
        plane.kubectl("delete", "validatingwebhookconfiguration", WEBHOOK_NAME)
