"""Which topics there are in Kafka itself, which no KafkaTopic need stand for."""

import asyncio
import contextlib
import time
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shop_operator.stores.errors import StoreError

_ANSWER_SECONDS: Final = 5.0
_TRUST_SECONDS: Final = 1.0
"""How long an answer is used again: many new services ask in the same moment."""


class KafkaTopics:
    """The topics of one Kafka, asked for only where a topic is about to be made."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._asking = asyncio.Lock()
        self._asked = float("-inf")
        self._names: frozenset[str] = frozenset()

    async def names(self) -> frozenset[str]:
        """Return the names of all topics, at most a second old. Raises StoreError."""
        async with self._asking:
            if time.monotonic() - self._asked > _TRUST_SECONDS:
                self._names = await self._ask()
                self._asked = time.monotonic()
            return self._names

    async def _ask(self) -> frozenset[str]:
        listing = asyncio.ensure_future(self._list())
        try:
            return await asyncio.shield(listing)
        except asyncio.CancelledError:
            # aiokafka leaves its first connection open when it is cancelled while it asks.
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await listing
            raise
        except (KafkaError, OSError, TimeoutError) as error:
            raise StoreError(
                "KafkaUnavailable",
                f"Kafka at {self._servers} does not say which topics there are: "
                f"{str(error) or f'no answer in {_ANSWER_SECONDS:.0f} s'}",
            ) from error

    async def _list(self) -> frozenset[str]:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._servers, request_timeout_ms=int(_ANSWER_SECONDS * 1000)
        )
        try:
            await admin.start()
            return frozenset(await admin.list_topics())
        finally:
            await admin.close()
