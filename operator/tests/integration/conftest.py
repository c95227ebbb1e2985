"""A real API server with the real CRDs, one for a run; an operator and namespaces for each test."""

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from shop_servers.servers import MongoDB, Postgres

from shop_cluster.control_plane import ControlPlane, control_plane
from shop_cluster.published_crds import EMBEDDED, published
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import NotFoundError
from shop_operator.api.kinds import SECRET, SHOP_SERVICE, Kind
from shop_operator.children.access_secret import encode
from shop_operator.controller import Controller
from shop_operator.metadata import API_VERSION, Manifest
from shop_operator.settings import Settings

from .audit import audit_flags

ROOT = Path(__file__).parents[3]
NAMESPACE = Kind("v1", "Namespace", "namespaces")


def real_crds() -> list[Path]:
    """Return the published CRDs of the kinds that the operator writes."""
    return published([*EMBEDDED, "scaledobjects.keda.sh"])


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    folder = tmp_path_factory.mktemp("plane")
    with control_plane(folder, api_server_flags=audit_flags(folder)) as running:
        install(running, [*real_crds(), ROOT / "crds" / "shopservice.yaml"])
        yield running


def install(running: ControlPlane, crds: list[Path]) -> None:
    """Install CRDs and wait until their kinds are served."""
    files = [word for path in crds for word in ("-f", str(path))]
    running.kubectl("apply", "--server-side", *files)
    wait = time.monotonic() + 30
    while _established(running) < len(crds):
        assert time.monotonic() < wait, "the CRDs are not established"
        time.sleep(0.1)


def _established(running: ControlPlane) -> int:
    found = orjson.loads(running.kubectl("get", "crd", "-o=json"))["items"]
    conditions = [c for crd in found for c in crd.get("status", {}).get("conditions") or ()]
    return sum(c["type"] == "Established" and c["status"] == "True" for c in conditions)


@dataclass
class Shop:
    """Namespaces of one test, and what is done in them."""

    client: ApiClient
    platform: Settings
    running: list[tuple[Controller, "asyncio.Task[None]"]] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        return self.platform.namespaces[0]

    async def start(self, client: ApiClient | None = None, **changes: Any) -> Controller:
        """Start an operator in this process, with a way to the API server of its own if given."""
        operator = Controller(
            client or self.client,
            self.platform.model_copy(update=changes),
            identity=f"test-{secrets.token_hex(3)}",
        )
        self.running.append((operator, asyncio.create_task(operator.run())))
        return operator

    async def stop(self) -> None:
        """Stop the operators, in good order."""
        for operator, task in self.running:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await operator.stop()
        self.running.clear()

    async def declare(self, name: str, **spec: Any) -> Manifest:
        """Apply a ShopService as a user would."""
        return await self.client.apply(
            {
                "apiVersion": API_VERSION,
                "kind": "ShopService",
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {"image": "minishop/test:1", **spec},
            },
            manager="user",
        )

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Manifest | None:
        try:
            return await self.client.get(kind, namespace or self.namespace, name)
        except NotFoundError:
            return None

    async def condition(self, name: str, kind: str) -> dict[str, Any]:
        body = await self.client.get(SHOP_SERVICE, self.namespace, name)
        conditions = body.get("status", {}).get("conditions", ())
        return next((c for c in conditions if c["type"] == kind), {})

    async def reason(self, name: str, kind: str, reason: str, *, seconds: float = 20) -> str:
        """Wait until a condition has a reason; return its message."""
        seen: list[dict[str, Any]] = []

        async def reached() -> bool:
            seen.append(await self.condition(name, kind))
            return bool(seen[-1].get("reason") == reason)

        await eventually(reached, seconds=seconds, why=lambda: f"{kind} is {seen[-1]}")
        return str(seen[-1]["message"])

    async def settled(self, name: str) -> Manifest:
        """Wait until a ShopService is Synced; return it."""
        await self.reason(name, "Synced", "AsDeclared")
        return await self.client.get(SHOP_SERVICE, self.namespace, name)

    async def secret(self, name: str, username: str, password: str) -> None:
        data = {"username": encode(username), "password": encode(password)}
        namespace = self.platform.platform_namespace
        await self.client.apply(
            {
                "apiVersion": "v1",
                "kind": SECRET.kind,
                "metadata": {"name": name, "namespace": namespace},
                "data": data,
            },
            manager="platform",
        )


async def eventually(
    reached: Callable[[], Any], *, seconds: float = 20, why: Callable[[], str] = lambda: ""
) -> None:
    """Wait until an asynchronous question is answered with yes."""
    end = time.monotonic() + seconds
    while not await reached():
        assert time.monotonic() < end, why() or "it did not come about"
        await asyncio.sleep(0.05)


@pytest.fixture
async def shop(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    name = f"t{secrets.token_hex(4)}"
    platform = Settings(
        namespaces=(name,),
        operator_namespace=f"{name}-platform",
        platform_namespace=f"{name}-platform",
        kafka_namespace=f"{name}-platform",
        lease_seconds=3,
        edge="gateway-api",
    )
    plane.kubectl("create", "namespace", name)
    plane.kubectl("create", "namespace", f"{name}-platform")
    async with ApiClient(connection.login) as client:
        found = Shop(client, platform)
        await found.secret("redis-auth", "default", "p@ss/word")
        await found.secret("rabbitmq-auth", "guest", "guest")
        try:
            yield found
        finally:
            await found.stop()


@pytest.fixture
async def sql(shop: Shop, postgres: Postgres) -> Shop:
    """A shop whose PostgreSQL is the running one."""
    at = urlsplit(postgres.url)
    await shop.secret("postgres-admin", at.username or "", at.password or "")
    address = f"{at.hostname}:{at.port}"
    shop.platform = shop.platform.model_copy(update={"postgres_address": address})
    return shop


@pytest.fixture
async def documents(shop: Shop, mongodb: MongoDB) -> Shop:
    """A shop whose MongoDB is the running one."""
    at = urlsplit(mongodb.url)
    await shop.secret("mongodb-admin", at.username or "", at.password or "")
    shop.platform = shop.platform.model_copy(update={"mongodb_address": mongodb.server})
    return shop


@pytest.fixture
def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
