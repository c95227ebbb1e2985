"""Who a message is for, as the user service last told it, however late an event comes."""

from __future__ import annotations

from typing import Any

import pytest

from shop_notification.repository import recipients

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it


async def name_of(post: Post) -> str | None:
    async with post.engine.connect() as connection:
        found = await recipients.recipient_of(connection, post.user)
    return found.name if found else None


async def test_a_profile_of_before_does_not_come_back(post: Post) -> None:
    """Redriven from a dead letter."""
    profile = {"email": post.address, "locale": "en"}
    await post.hear("user.updated", **profile, name="Ada King", phone="+4915112345678", version=4)
    await post.hear("user.updated", **profile, name="Ada", phone=None, version=3)
    await post.hear("user.registered", **profile, name="Ada", version=1)
    assert await name_of(post) == "Ada King"
    await post.hear("user.updated", **profile, name="Lovelace", phone=None, version=5)
    assert await name_of(post) == "Lovelace"


async def test_a_user_service_that_tells_no_version_is_believed(post: Post) -> None:
    """While two versions of it run side by side."""
    profile = {"email": post.address, "locale": "en", "phone": None}
    await post.hear("user.updated", **profile, name="Ada", version=4)
    await post.hear("user.updated", **profile, name="Ada King")
    assert await name_of(post) == "Ada King"
