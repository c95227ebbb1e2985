"""Codes go to people while they count: the mail says for how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shop_shared.clock import now

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it


@pytest.mark.parametrize("asked", ["user.verification_requested", "user.password_reset_requested"])
async def test_a_code_that_has_expired_is_not_sent(post: Post, asked: str) -> None:
    """The mail server was away for longer than that, or the queue was lost."""
    await post.know()
    to = {"channel": "email", "destination": post.address, "email": post.address}
    late, soon = now() - timedelta(seconds=1), now() + timedelta(hours=1)
    await post.hear(asked, code="111111", expires_at=late.isoformat(), **to)
    await post.settled()
    assert await post.statuses() == ["suppressed"]
    assert (
        await post.rows("SELECT 1 FROM notifications WHERE user_id = :user AND data <> '{}'") == []
    )
    await post.hear(asked, code="222222", expires_at=soon.isoformat(), **to)
    [mail] = await post.until(1)
    assert "222222" in mail.body
