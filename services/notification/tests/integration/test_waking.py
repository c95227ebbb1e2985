"""The commit that stores a message wakes the relay: nobody waits for its interval."""

from __future__ import annotations

from typing import Any

import pytest

from shop_notification.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

Post = Any  # conftest.Post: test modules cannot import it


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"relay_interval_seconds": 3600.0})


async def test_a_new_message_goes_without_waiting_for_the_interval(post: Post) -> None:
    await post.know()
    for sent in range(1, 4):
        await post.hear("order.cancelled")
        await post.until(sent)
