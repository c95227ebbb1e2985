"""The shop's own manifests, in another namespace of the same cluster."""

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from shop_journey.kubectl import Kubectl
from shop_journey.place import ROOT
from shop_journey.up import SERVICES

from shop_cluster.development_secrets import development_secrets

Manifest = dict[str, Any]
NAMESPACE = "staging"
HERE = f"-n={NAMESPACE}"
REDIS_DATABASE = 7
SETTINGS = {
    "MINISHOP_NAMESPACES": json.dumps(["shop", NAMESPACE]),
    "MINISHOP_SCOPE": "namespace",
    "MINISHOP_CLUSTER_SCOPED_NAMESPACES": json.dumps(["shop"]),
    "MINISHOP_REDIS_DATABASES": json.dumps({NAMESPACE: REDIS_DATABASE}),
    "MINISHOP_RABBITMQ_VHOSTS": json.dumps({NAMESPACE: NAMESPACE}),
}


async def manifests(kubectl: Kubectl) -> list[Manifest]:
    """Return what makes a second shop: namespace, rights, secrets, services, players.

    Its secrets are Secrets of Kubernetes, whatever those of the first shop are.
    """
    folders = [ROOT / SERVICES["kubernetes"], ROOT / "manifests" / "dev"]
    texts = [await kubectl("kustomize", str(folder)) for folder in folders]
    built = [found for text in texts for found in yaml.safe_load_all(text)]
    made = [*development_secrets(), *built]
    rights = [
        found
        for found in _read([ROOT / "kustomize" / "base" / "operator" / "rbac.yaml"])
        if found["metadata"].get("namespace") == "shop"
    ]
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": NAMESPACE, "labels": labels}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata},
        *(_moved(found) for found in (*rights, *made)),
        _way_to_the_stores(),
    ]


def _read(files: Iterable[Path]) -> list[Manifest]:
    return [found for file in files for found in yaml.safe_load_all(file.read_text()) if found]


def _moved(found: Manifest) -> Manifest:
    """Return a manifest for our namespace: no port of the node, no data that outlives it."""
    found["metadata"]["namespace"] = NAMESPACE
    spec = found.get("spec", {})
    if found["kind"] == "Service":
        for port in spec["ports"]:
            port.pop("nodePort", None)
    if found["kind"] == "ShopService":
        events = spec.get("events", {})
        stored = [spec[key] for key in ("database",) if key in spec]
        for each in (*stored, *events.get("publishes", ()), *events.get("subscribes", ())):
            each["onDelete"] = "Drop"
    return found


def _way_to_the_stores() -> Manifest:
    ours = {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": NAMESPACE, "namespace": "platform"},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"namespaceSelector": ours}]}],
        },
    }


async def rabbitmq(kubectl: Kubectl, *words: str) -> str:
    """Call rabbitmqctl, and return what it said."""
    return await kubectl("exec", "-n=platform", "rabbitmq-0", "--", "rabbitmqctl", "-q", *words)


async def redis(kubectl: Kubectl, *words: str) -> str:
    """Call valkey-cli in our database, and return what it said."""
    script = 'REDISCLI_AUTH="$0" exec valkey-cli -n "$@"'
    data = (await kubectl.get("secret", "redis-auth", "-n=platform"))["data"]
    password = base64.b64decode(data["password"]).decode()
    shell = ("exec", "-n=platform", "redis-0", "--", "sh", "-c", script, password)
    return await kubectl(*shell, str(REDIS_DATABASE), *words)


@dataclass(frozen=True)
class SecondShop:
    """A shop in our namespace."""

    kubectl: Kubectl
    services: dict[str, Manifest]
    """Its ShopServices, by name."""
    delete: Callable[[], Awaitable[None]]

    async def ready(self) -> None:
        """Wait until all of its services are ready. Raises StepFailedError."""
        wait = ("wait", "--for=condition=Ready", "shopservices", "--all", HERE)
        await self.kubectl(*wait, "--timeout=180s")

    async def make_anew(self, name: str) -> None:
        """Delete a service with its data, and make it again."""
        await self.kubectl("delete", "shopservice", name, HERE, "--timeout=90s")
        await self.kubectl.apply(self.services[name])
        await self.ready()


async def _operator(kubectl: Kubectl, *variables: str) -> None:
    deployment = ("deployment/shop-operator", "-n=minishop-system")
    await kubectl("set", "env", *deployment, *variables)
    await kubectl("rollout", "status", *deployment, "--timeout=300s")


@contextlib.asynccontextmanager
async def second_shop(kubectl: Kubectl) -> AsyncIterator[SecondShop]:
    """Have a whole shop in our namespace, ready; it is deleted in any case."""

    async def delete() -> None:
        gone = ("--ignore-not-found", "--timeout=120s")
        # The operator needs its rights until the last ShopService is gone.
        await kubectl("delete", "shopservices", "--all", HERE, *gone)
        await kubectl("delete", "namespace", NAMESPACE, *gone)

    await rabbitmq(kubectl, "add_vhost", NAMESPACE)
    await rabbitmq(kubectl, "set_permissions", "-p", NAMESPACE, "minishop", ".*", ".*", ".*")
    try:
        found = await manifests(kubectl)
        services = {
            each["metadata"]["name"]: each for each in found if each["kind"] == "ShopService"
        }
        await kubectl.apply(*(each for each in found if each["kind"] != "ShopService"))
        await _operator(kubectl, *(f"{name}={value}" for name, value in SETTINGS.items()))
        await kubectl.apply(*services.values())
        shop = SecondShop(kubectl, services, delete)
        await shop.ready()
        yield shop
    finally:
        await delete()
        await _operator(kubectl, *(f"{name}-" for name in SETTINGS))
        await kubectl("delete", "networkpolicy", NAMESPACE, "-n=platform")
        await rabbitmq(kubectl, "delete_vhost", NAMESPACE)
        await redis(kubectl, "FLUSHDB")
