"""What the Deployment controller and a kubelet do, done by a test: the API server has neither."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.kinds import DEPLOYMENT, POD, Kind
from shop_operator.metadata import Manifest

from .shop import Shop

ROLLED_OUT = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
NODES = "/api/v1/nodes"


async def set_status(shop: Shop, kind: Kind, name: str, status: Manifest) -> None:
    """Write a status as the kubelet or a controller would."""
    body = await shop.client.get(kind, shop.namespace, name)
    path = kind.path(shop.namespace, name, "status")
    await shop.client._json("PUT", path, None, {**body, "status": status})


async def observe(shop: Shop, name: str, **status: Any) -> None:
    """Write the status of a Deployment that its controller has seen the newest template of."""
    body = await shop.client.get(DEPLOYMENT, shop.namespace, name)
    seen = {"observedGeneration": body["metadata"]["generation"], **ROLLED_OUT, **status}
    await set_status(shop, DEPLOYMENT, name, seen)


async def make_pod(  # noqa: PLR0913 - keyword-only, what is rarely asked for
    shop: Shop, name: str, pod: str, status: Manifest, *, node: str = "", finalizer: str = ""
) -> None:
    """Create a pod of a service's Deployment, with a status as a kubelet would report it."""
    deployment = await shop.client.get(DEPLOYMENT, shop.namespace, name)
    template = deployment["spec"]["template"]
    metadata = {**template["metadata"], "name": pod, "namespace": shop.namespace}
    if finalizer:
        metadata["finalizers"] = [finalizer]
    spec = template["spec"] | ({"nodeName": node} if node else {})
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    await shop.client.create(POD, shop.namespace, body)
    await set_status(shop, POD, pod, status)


def container(state: Manifest, last: Manifest | None = None, **more: Any) -> Manifest:
    """Return a container's status."""
    found = {"name": "service", "image": "i", "imageID": "", "state": state, "lastState": last}
    return {"ready": False, "restartCount": 0, **found, "lastState": last or {}, **more}


def ready_at(address: str) -> Manifest:
    """Return the status of a ready pod."""
    ready = {"type": "Ready", "status": "True"}
    return {"phase": "Running", "podIP": address, "conditions": [ready]}


async def hastened(shop: Shop, pod: str) -> bool:
    """Return True if the kubelet was told that there is a new route table for a pod."""
    live = await shop.client.get(POD, shop.namespace, pod)
    return "minishop.dev/route-table-changed" in (live["metadata"].get("annotations") or {})


@dataclass
class Kubelet:
    """A node whose kubelet answers with logs; `asked` lists what was asked for."""

    node: str
    logs: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Each request's container, and the value of `previous`."""

    async def answer(self, request: web.Request) -> web.Response:
        name = request.match_info["container"]
        self.asked.append((name, request.query.get("previous", "")))
        if name not in self.logs:
            return web.Response(status=404, text="no such container")
        return web.Response(text=self.logs[name])


@contextlib.asynccontextmanager
async def kubelet(shop: Shop, plane: ControlPlane, node: str) -> AsyncIterator[Kubelet]:
    """Register a node, and answer the API server's requests for logs at its address."""
    found = Kubelet(node)
    files = await asyncio.to_thread(
        plane.authority.issue, node, user=f"system:node:{node}", hosts=["127.0.0.1"]
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    app = web.Application()
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}}
    made = await shop.client._json("POST", NODES, None, body)
    made["status"] = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    await shop.client._json("PUT", f"{NODES}/{node}/status", None, made)
    try:
        yield found
    finally:
        await shop.client._json("DELETE", f"{NODES}/{node}")
        await runner.cleanup()
