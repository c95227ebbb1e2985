"""Connectors in Kafka Connect, by its REST API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from shop_event_path.outboxes import Outbox

WITHIN = 180
"""Seconds that no step needs on a machine of its own."""


class ConnectorFailedError(Exception):
    """The connector's task has failed; the message is its trace."""


class Connectors:
    """One Connect's connectors."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def start(self, outbox: Outbox, **changed: str) -> None:
        """Create the outbox's connector and wait until it runs; `changed` settings win."""
        config = outbox.connector | {key.replace("_", "."): value for key, value in changed.items()}
        await self._ask("PUT", f"{_path(outbox)}/config", config)
        await self.running(outbox)

    async def running(self, outbox: Outbox) -> None:
        """Wait until the task runs; raises ConnectorFailedError, TimeoutError."""
        async with asyncio.timeout(WITHIN):
            while True:
                answer = await self._client.get(f"{_path(outbox)}/status")
                tasks = answer.json().get("tasks", ()) if answer.is_success else ()
                match [(task["state"], task.get("trace", "")) for task in tasks]:
                    case [("RUNNING", _)]:
                        return
                    case [("FAILED", trace)]:
                        raise ConnectorFailedError(trace)
                await asyncio.sleep(0.1)

    async def stop(self, outbox: Outbox) -> None:
        """Stop the connector, its task gone, its offsets kept."""
        await self._ask("PUT", f"{_path(outbox)}/stop")
        async with asyncio.timeout(WITHIN):
            while True:
                answer = await self._client.get(f"{_path(outbox)}/status")
                status = answer.json() if answer.is_success else {"connector": {}}
                if status["connector"].get("state") == "STOPPED" and not status["tasks"]:
                    return
                await asyncio.sleep(0.1)

    async def resume(self, outbox: Outbox) -> None:
        """Run a stopped connector again."""
        await self._ask("PUT", f"{_path(outbox)}/resume")
        await self.running(outbox)

    async def forget_position(self, outbox: Outbox, *, sec: int) -> None:
        """Give a stopped MongoDB connector a position of another time, in seconds since 1970."""
        path = f"{_path(outbox)}/offsets"
        offsets = (await self._ask("GET", path)).json()["offsets"]
        for entry in offsets:
            entry["offset"] |= {"sec": sec, "resume_token": None}
        await self._ask("PATCH", path, {"offsets": offsets})

    async def delete(self, outbox: Outbox) -> None:
        """Stop it, forget its offsets and delete it."""
        await self.stop(outbox)
        await self._ask("DELETE", f"{_path(outbox)}/offsets")
        await self._ask("DELETE", _path(outbox))

    async def _ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Ask Connect, again while it refuses because its group rebalances.

        Raises httpx.HTTPStatusError, TimeoutError.
        """
        async with asyncio.timeout(WITHIN):
            while True:
                answer = await self._client.request(method, path, json=body)
                if answer.status_code != httpx.codes.CONFLICT:
                    return answer.raise_for_status()
                await asyncio.sleep(0.1)


@asynccontextmanager
async def connectors(url: str) -> AsyncIterator[Connectors]:
    """Connect's REST API at this URL."""
    async with httpx.AsyncClient(base_url=url, timeout=WITHIN) as client:
        yield Connectors(client)


def _path(outbox: Outbox) -> str:
    return f"/connectors/{outbox.name}-outbox"
