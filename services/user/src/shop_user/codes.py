"""Six-digit codes sent to people: made, hashed, compared.

A code is worth little for long: ten minutes and five tries (in the store). The hash is salted by
the row's id, so a copy of the table shows no two equal codes.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta
from uuid import UUID

LIFETIME = timedelta(minutes=10)
MAX_TRIES = 5
MAX_PER_HOUR = 5


def new_code() -> str:
    """Return six random digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def hashed(code: str, *, salt: UUID) -> str:
    """Return the hex digest of ``code`` under ``salt``."""
    return hashlib.scrypt(code.encode(), salt=salt.bytes, n=2**10, r=8, p=1, dklen=32).hex()


def matches(code: str, *, salt: UUID, digest: str) -> bool:
    """Return True if ``code`` is the one hashed; compared in constant time."""
    return hmac.compare_digest(hashed(code, salt=salt), digest)
