"""Connectors in Kafka Connect, by its REST API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from shop_event_path.outboxes import Outbox


class ConnectorFailedError(Exception):
    """The connector's task has failed; the message is its trace."""


class Connectors:
    """One Connect's connectors."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def start(self, outbox: Outbox, **changed: str) -> None:
        """Create the outbox's connector and wait until it runs; `changed` settings win."""
        config = outbox.connector | {key.replace("_", "."): value for key, value in changed.items()}
        while True:
            answer = await self._client.put(f"{_path(outbox)}/config", json=config)
            # Connect refuses for a moment while its group rebalances.
            if answer.status_code != httpx.codes.CONFLICT:
                break
            await asyncio.sleep(0.1)
        answer.raise_for_status()
        await self.running(outbox)

    async def running(self, outbox: Outbox) -> None:
        """Wait until the task runs; raises ConnectorFailedError, TimeoutError after 60 s."""
        async with asyncio.timeout(60):
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
        (await self._client.put(f"{_path(outbox)}/stop")).raise_for_status()
        async with asyncio.timeout(60):
            while True:
                status = (await self._client.get(f"{_path(outbox)}/status")).json()
                if status["connector"]["state"] == "STOPPED" and not status["tasks"]:
                    return
                await asyncio.sleep(0.1)

    async def resume(self, outbox: Outbox) -> None:
        """Run a stopped connector again."""
        (await self._client.put(f"{_path(outbox)}/resume")).raise_for_status()
        await self.running(outbox)

    async def forget_position(self, outbox: Outbox, *, sec: int) -> None:
        """Give a stopped MongoDB connector a position of another time, in seconds since 1970."""
        path = f"{_path(outbox)}/offsets"
        offsets = (await self._client.get(path)).raise_for_status().json()["offsets"]
        for entry in offsets:
            entry["offset"] |= {"sec": sec, "resume_token": None}
        (await self._client.patch(path, json={"offsets": offsets})).raise_for_status()

    async def delete(self, outbox: Outbox) -> None:
        """Stop it, forget its offsets and delete it."""
        await self.stop(outbox)
        (await self._client.delete(f"{_path(outbox)}/offsets")).raise_for_status()
        (await self._client.delete(_path(outbox))).raise_for_status()


@asynccontextmanager
async def connectors(url: str) -> AsyncIterator[Connectors]:
    """Connect's REST API at this URL."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        yield Connectors(client)


def _path(outbox: Outbox) -> str:
    return f"/connectors/{outbox.name}-outbox"
