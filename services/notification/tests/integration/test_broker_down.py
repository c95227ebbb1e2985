"""RabbitMQ killed and away: events are heard on, messages go after it, none twice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from shop_servers.databases import create_vhost
from shop_servers.server_set import ServerSet
from shop_servers.servers import RabbitMQ

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it

AWAY_SECONDS = float(os.environ.get("BROKER_AWAY_SECONDS", "10"))
"""A minute is as good, and takes a minute."""
RETRIED = 5


async def statuses_of(post: Post, *wanted: str) -> None:
    async with asyncio.timeout(60):
        while set(await post.statuses()) != set(wanted):
            await asyncio.sleep(0.02)


async def test_messages_go_after_it_and_none_twice(
    with_broker: Callable[..., AbstractAsyncContextManager[Post]], breakable: ServerSet
) -> None:
    facts = await asyncio.to_thread(breakable.need, "rabbitmq")
    broker = RabbitMQ(**facts["rabbitmq"])
    url = await asyncio.to_thread(create_vhost, broker.url, broker.management_url)
    never = {"retry_first_seconds": 3600, "retry_most_seconds": 3600}
    async with with_broker(url, **never) as post:
        await post.know()
        post.box.refuse("email", times=RETRIED, for_good=False)
        for _ in range(RETRIED):
            await post.hear("order.cancelled")
        await statuses_of(post, "retrying")

        await asyncio.to_thread(breakable.send, "rabbitmq", signal.SIGKILL)
        # Their time to be tried again comes while the broker is down.
        await post.rows(
            "UPDATE notifications SET due_at = now() + make_interval(secs => :seconds)"
            " WHERE user_id = :user AND status = 'retrying'",
            seconds=AWAY_SECONDS / 2,
        )
        heard = 0
        back_at = time.monotonic() + AWAY_SECONDS
        while time.monotonic() < back_at:
            await post.hear("order.cancelled")  # is committed: nothing upstream waits for a broker
            heard += 1
            await asyncio.sleep(0.2)
        assert post.got() == []
        assert set(await post.statuses()) == {"retrying", "pending"}

        again = await asyncio.to_thread(breakable.need, "rabbitmq")
        assert again["rabbitmq"] == facts["rabbitmq"]
        mails = await post.until(RETRIED + heard)
        assert len({mail.id for mail in mails}) == RETRIED + heard
        assert set(await post.statuses()) == {"sent"}
        [tries] = await post.rows("SELECT sum(attempts) FROM notifications WHERE user_id = :user")
        assert tries[0] == 2 * RETRIED + heard
