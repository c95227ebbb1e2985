"""Asks again where the API server says when: a CRD's storage that is being set up, or overload."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from shop_operator.api.api_errors import ApiError

_TRIES: Final = 5
_LONGEST_SECONDS: Final = 5.0
Answer = TypeVar("Answer")


async def patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Return the answer of a request, sent up to five times. Raises ApiError."""
    for _ in range(_TRIES - 1):
        try:
            return await ask()
        except ApiError as error:
            if error.retry_after is None:
                raise
            await asyncio.sleep(min(error.retry_after, _LONGEST_SECONDS))
    return await ask()
