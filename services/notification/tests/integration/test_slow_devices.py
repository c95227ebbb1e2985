"""Devices that are told slowly are told at once: one after the other they outlast the lease."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI, Request

from shop_shared.testing import served

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it
DEVICES = 20


@asynccontextmanager
async def push_service(told: list[str]) -> AsyncIterator[str]:
    """Serve what answers about a device once every device was asked for."""
    app = FastAPI()
    everybody = asyncio.Barrier(DEVICES)

    @app.post("/v1/projects/minishop/messages:send")
    async def send(request: Request) -> dict[str, str]:
        told.append((await request.json())["message"]["token"])
        await everybody.wait()
        return {"name": told[-1]}

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        async with served(app, listener) as url:
            yield url


async def test_every_slow_device_is_told_once(
    with_broker: Callable[..., AbstractAsyncContextManager[Post]], vhost: str
) -> None:
    told: list[str] = []
    async with (
        push_service(told) as url,
        with_broker(vhost, push_base_url=url, max_attempts=1) as post,
    ):
        await post.know()
        tokens = sorted(uuid4().hex for _ in range(DEVICES))
        for token in tokens:
            await post.rows(
                "INSERT INTO devices (id, user_id, token, platform)"
                " VALUES (gen_random_uuid(), :user, :token, 'ios')",
                token=token,
            )
        await post.hear("shipment.in_transit", tracking_number="MS1")
        await post.settled()
        assert await post.statuses() == ["sent"]
    assert sorted(told) == tokens
