"""A message that is written in the moment in which its account is erased."""

from __future__ import annotations

from typing import Any

import pytest

from shop_notification.repository import erasure
from shop_shared.stores.postgres import transaction
from shop_shared.stores.retention import purge_once

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it

_MESSAGES = """
    SELECT status, data, destination FROM notifications WHERE user_id = :user ORDER BY id
"""


async def test_what_was_written_while_the_account_was_erased_goes(post: Post) -> None:
    await post.hear("order.cancelled")  # waits: nobody knows the account yet
    written = await post.rows(_MESSAGES)
    assert {status for status, *_ in written} == {"waiting"}
    async with transaction(post.engine) as connection:
        await erasure.erase(connection, post.user)
    await post.rows(
        "UPDATE notifications SET status = 'waiting', data = '{\"order\": \"MS-1\"}',"
        " destination = 'ada@example.com' WHERE user_id = :user"
    )
    await purge_once(post.engine, erasure.erase_latecomers)
    kept = await post.rows(_MESSAGES)
    assert len(kept) == len(written)
    assert {(status, str(data), to) for status, data, to in kept} == {("suppressed", "{}", None)}
