"""Codes by mail and text: to prove an address, and to get back in."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.clock import now
from shop_shared.http.problems import Conflict, TooManyRequests, Unprocessable
from shop_shared.ids import uuid7
from shop_shared.messaging.events import event
from shop_shared.messaging.outbox import publish
from shop_shared.stores.postgres import transaction
from shop_user import codes, emails
from shop_user.events import PasswordResetRequested, UserVerified, VerificationRequested
from shop_user.models import Channel, PasswordReset
from shop_user.passwords import Passwords
from shop_user.repository import accounts
from shop_user.repository import codes as stored
from shop_user.service.accounts import present, set_password

_HOUR = 3600


class CodeInvalid(Unprocessable):
    """Wrong, too old, tried too often or never sent: which of these is not said."""

    code, title = "code_invalid", "Code not valid"


class NothingToVerify(Conflict):
    """There is no phone number, or it is verified already."""

    code, title = "nothing_to_verify", "Nothing to verify"


async def request(engine: AsyncEngine, user_id: UUID, channel: Channel) -> None:
    """Send a code to the account's e-mail or phone."""
    async with transaction(engine) as connection:
        account = await present(connection, user_id, lock=True)
        if account[channel] is None or account[f"{channel}_verified_at"] is not None:
            raise NothingToVerify(f"There is no {channel} to verify.")
        if await stored.sent_lately(connection, user_id, channel) >= codes.MAX_PER_HOUR:
            raise TooManyRequests("Too many codes were sent.", retry_after=_HOUR)
        code, expires_at = codes.new_code(), now() + codes.LIFETIME
        await _keep(connection, user_id, channel, destination=account[channel], code=code)
        requested = VerificationRequested(
            user_id=user_id,
            channel=channel,
            destination=account[channel],
            code=code,
            expires_at=expires_at,
        )
        await publish(connection, event(requested, key=user_id))


async def confirm(engine: AsyncEngine, user_id: UUID, channel: Channel, code: str) -> None:
    """Prove the address by its code. Raises ``CodeInvalid``; the try counts all the same."""
    async with transaction(engine) as connection:
        account = await present(connection, user_id, lock=True)
        right = await _right(connection, user_id, channel, code, destination=account[channel])
        if right:
            await accounts.update(connection, user_id, **{f"{channel}_verified_at": now()})
            await publish(
                connection, event(UserVerified(user_id=user_id, channel=channel), key=user_id)
            )
    if not right:
        raise CodeInvalid("The code is not valid.")


async def request_password_reset(engine: AsyncEngine, email: str) -> None:
    """Send a code to the account with this e-mail, should there be one. Never says which."""
    async with transaction(engine) as connection:
        account = await accounts.find_by_email(connection, emails.normalised(email), lock=True)
        if account is None or account["status"] != "active":
            return
        user_id = account["id"]
        if await stored.sent_lately(connection, user_id, "password_reset") >= codes.MAX_PER_HOUR:
            return
        code, expires_at = codes.new_code(), now() + codes.LIFETIME
        await _keep(connection, user_id, "password_reset", destination=account["email"], code=code)
        requested = PasswordResetRequested(
            user_id=user_id, email=account["email"], code=code, expires_at=expires_at
        )
        await publish(connection, event(requested, key=user_id))


async def reset_password(engine: AsyncEngine, passwords: Passwords, wanted: PasswordReset) -> None:
    """Set a new password by the code from the mail; all sessions end. Raises ``CodeInvalid``."""
    password_hash = await passwords.hash(wanted.new_password)
    async with transaction(engine) as connection:
        account = await accounts.find_by_email(
            connection, emails.normalised(wanted.email), lock=True
        )
        right = (
            account is not None
            and account["status"] == "active"
            and await _right(
                connection,
                account["id"],
                "password_reset",
                wanted.code,
                destination=account["email"],
            )
        )
        if account is not None and right:
            await set_password(connection, account["id"], password_hash, kept_session_id=None)
    if not right:
        raise CodeInvalid("The code is not valid.")


async def _keep(
    connection: AsyncConnection,
    user_id: UUID,
    purpose: stored.Purpose,
    *,
    destination: str,
    code: str,
) -> None:
    code_id = uuid7()
    await stored.insert(
        connection,
        {
            "id": code_id,
            "user_id": user_id,
            "purpose": purpose,
            "destination": destination,
            "digest": codes.hashed(code, salt=code_id),
            "expires_at": now() + codes.LIFETIME,
        },
    )


async def _right(
    connection: AsyncConnection,
    user_id: UUID,
    purpose: stored.Purpose,
    code: str,
    *,
    destination: str | None,
) -> bool:
    kept = await stored.try_latest(connection, user_id, purpose, max_tries=codes.MAX_TRIES)
    if (
        kept is None
        or kept["destination"] != destination
        or not codes.matches(code, salt=kept["id"], digest=kept["digest"])
    ):
        return False
    await stored.use(connection, kept["id"])
    return True
