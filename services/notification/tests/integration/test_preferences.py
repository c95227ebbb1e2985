"""Preferences that two change at once."""

from __future__ import annotations

import asyncio
from datetime import time
from typing import Any

import pytest

from shop_notification.quiet_hours import QuietHours
from shop_notification.repository import recipients
from shop_notification.repository.recipients import Preferences
from shop_shared.stores.postgres import transaction

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it

_WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def test_a_link_that_is_opened_while_preferences_are_saved_undoes_none_of_them(
    post: Post,
) -> None:
    quiet = QuietHours(time(22), time(7), "Europe/Berlin")

    async def unsubscribe() -> None:
        async with transaction(post.engine) as connection:
            await recipients.switch_off(connection, post.user, category="orders")

    async with transaction(post.engine) as connection:
        await recipients.lock(connection, post.user)
        await recipients.save_preferences(
            connection, post.user, Preferences(off={"shipping": ["push"]}, quiet=quiet)
        )
        opened = asyncio.create_task(unsubscribe())
        async with asyncio.timeout(60):
            while not await post.rows(_WAITING):
                await asyncio.sleep(0.02)
    await opened
    async with post.engine.connect() as connection:
        stored = await recipients.preferences_of(connection, post.user)
    assert stored.quiet == quiet
    assert stored.off == {"shipping": ["push"], "orders": ["email"]}
