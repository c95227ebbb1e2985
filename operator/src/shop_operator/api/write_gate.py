"""Lets a write through only while this process holds the Lease."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from shop_operator.api.cache import Cache

T = TypeVar("T")


class NotHolderError(Exception):
    """The Lease was lost during a reconcile; another process writes now."""


class WriteGate:
    """Sends every write of the operator, except those to the Lease itself."""

    def __init__(self, cache: Cache, *, may_write: Callable[[], bool]) -> None:
        self._cache = cache
        self._may_write = may_write

    def require(self) -> None:
        """Raise NotHolderError unless this process may write now; for writes to the stores."""
        if not self._may_write():
            raise NotHolderError

    async def write(self, request: Coroutine[Any, Any, T]) -> T:
        """Send a request that writes, and store its answer in the cache.

        Raises NotHolderError, and what the request raises.
        """
        try:
            self.require()
        except NotHolderError:
            request.close()
            raise
        answer = await request
        if isinstance(answer, dict) and "kind" in answer:
            self._cache.observe_write(answer)
        return answer
