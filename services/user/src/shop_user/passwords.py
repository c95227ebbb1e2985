"""Argon2id, off the event loop and in bounds.

One hash costs 19 MiB and tens of milliseconds of a core (OWASP's first choice: m=19456, t=2, p=1).
So hashes run on few threads, and when too many wait the next caller is told so at once instead of
queueing past its patience.

What is hashed is the same however a keyboard composes it: an "é" is one character on one system and
two on another (RFC 8265, 4.2).
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from shop_shared.http.problems import TooManyRequests

P = ParamSpec("P")
T = TypeVar("T")

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
_NOBODY = _HASHER.hash("the password of an account that does not exist")


class Passwords:
    """Hashes and verifies on ``threads`` threads, at most ``waiting`` callers at a time."""

    def __init__(self, *, threads: int = 2, waiting: int = 64) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._free = waiting

    async def hash(self, password: str) -> str:
        """Return the hash of ``password`` in PHC format. Raises TooManyRequests when overloaded."""
        return await self._run(_HASHER.hash, _opaque(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Tell whether ``password`` is the one hashed.

        Without a hash (no such account) the work is done all the same, so that the time of the
        answer does not tell whether the account exists. Raises TooManyRequests when overloaded.
        """
        matches = await self._run(_matches, password_hash or _NOBODY, password)
        return matches and password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        """Tell whether the hash was made with other parameters than today's."""
        return _HASHER.check_needs_rehash(password_hash)

    async def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._free == 0:
            # Not 503: anybody can cause it, and the gateway would take this service for broken.
            raise TooManyRequests("Too many sign-ins at once.", retry_after=1)
        self._free -= 1
        try:
            call = partial(work, *args, **kwargs)
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        finally:
            self._free += 1


def _opaque(password: str) -> str:
    """Return a password by the profile OpaqueString of RFC 8265: any space a space, then NFC."""
    plain = "".join(" " if unicodedata.category(each) == "Zs" else each for each in password)
    return unicodedata.normalize("NFC", plain)


def _matches(password_hash: str, password: str) -> bool:
    """Compare a password, in the end as it was typed: so the older hashes were made."""
    forms = dict.fromkeys((_opaque(password), password))
    return any(_is_hashed(password_hash, form) for form in forms)


def _is_hashed(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
