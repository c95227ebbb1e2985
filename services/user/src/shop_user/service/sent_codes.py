"""Codes: made, stored hashed, and checked."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from shop_shared.clock import now
from shop_shared.http.problems import TooManyRequests, Unprocessable
from shop_shared.ids import uuid7
from shop_user import codes
from shop_user.repository import codes as stored
from shop_user.repository.codes import Row

_HOUR_SECONDS = 3600


class CodeInvalid(Unprocessable):
    """Wrong, too old, tried too often or never sent: which of these is not said."""

    code, title = "code_invalid", "Code not valid"


async def require_not_too_many(
    connection: AsyncConnection, user_id: UUID, purpose: stored.Purpose
) -> None:
    """Raise ``TooManyRequests`` if the user was sent all codes that an hour may have."""
    if await stored.sent_lately(connection, user_id, purpose) >= codes.MAX_PER_HOUR:
        raise TooManyRequests("Too many codes were sent.", retry_after=_HOUR_SECONDS)


async def create(
    connection: AsyncConnection, user_id: UUID, purpose: stored.Purpose, *, destination: str
) -> str:
    """Make a code, store its hash, and return it; the codes before it count no more."""
    code, code_id = codes.new_code(), uuid7()
    row = {
        "id": code_id,
        "user_id": user_id,
        "purpose": purpose,
        "destination": destination,
        "digest": codes.hashed(code, salt=code_id),
        "expires_at": now() + codes.LIFETIME,
    }
    await stored.insert(connection, row)
    return code


async def redeem(
    connection: AsyncConnection, user_id: UUID, purpose: stored.Purpose, code: str
) -> Row | None:
    """Return the row of the right code, which counts no more; None for a wrong one.

    The try is counted either way.
    """
    kept = await stored.try_latest(connection, user_id, purpose, max_tries=codes.MAX_TRIES)
    if kept is None or not codes.matches(code, salt=kept["id"], digest=kept["digest"]):
        return None
    await stored.use(connection, kept["id"])
    return kept
