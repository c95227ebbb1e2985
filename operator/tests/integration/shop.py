"""An operator in this process, and the namespaces of one test."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import NotFoundError
from shop_operator.api.kinds import SECRET, SHOP_SERVICE, Kind
from shop_operator.children.access_secret import encode
from shop_operator.controller import Controller
from shop_operator.metadata import API_VERSION, Manifest
from shop_operator.settings import Settings

PATIENCE_SECONDS = 60
"""For what takes a second or two on a machine of its own."""


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

    async def reason(
        self, name: str, kind: str, reason: str, *, seconds: float = PATIENCE_SECONDS
    ) -> str:
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

    async def provision(self, name: str, **spec: Any) -> None:
        """Apply a ShopService, and wait until its logins are in its Secret."""
        await self.declare(name, **spec)
        await self.reason(name, "SecretsReady", "Available")

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
    reached: Callable[[], Any],
    *,
    seconds: float = PATIENCE_SECONDS,
    why: Callable[[], str] = lambda: "",
) -> None:
    """Wait until an asynchronous question is answered with yes."""
    end = time.monotonic() + seconds
    while not await reached():
        assert time.monotonic() < end, why() or "it did not come about"
        await asyncio.sleep(0.05)
