"""Identifiers: UUIDv7, so that new rows land at the end of an index and sort by time."""

import hashlib
import os
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7() -> UUID:
    """Return a UUIDv7 (RFC 9562, 5.7): 48 bits of Unix ms, 12 of the ms's fraction, 62 random.

    The fraction is method 3 of RFC 9562, 6.2: ids of one process made apart by > 250 ns sort by
    time.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8)) >> 2
    return UUID(int=milliseconds << 80 | _VERSION | fraction << 64 | _VARIANT | random)


def lowest_at(moment: datetime) -> UUID:
    """Return the lowest UUIDv7 of a moment: ids made before it are lower."""
    milliseconds = (moment - _UNIX_EPOCH) // timedelta(milliseconds=1)
    return UUID(int=milliseconds << 80 | _VERSION | _VARIANT)


def derived(source: UUID, purpose: str, *, nth: int = 0) -> UUID:
    """Return an id that is the same each time for this source, purpose and nth, of its time.

    For what an event makes and somebody outside is told by its id (a payment provider, by its
    idempotency key): a store that was put back to a backup handles the event once more. Of one
    source, a higher `nth` (0 to 4095) sorts later: it is counted in 1/4096 ms.
    """
    digest = hashlib.sha256(source.bytes + purpose.encode()).digest()
    low = int.from_bytes(digest[:8]) >> 2
    moment = (source.int >> 80 << 12 | source.int >> 64 & 0xFFF) + nth
    return UUID(int=moment >> 12 << 80 | _VERSION | (moment & 0xFFF) << 64 | _VARIANT | low)
