"""Verification of an account's e-mail address and phone number by codes."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.clock import now
from shop_shared.http.problems import Conflict
from shop_shared.messaging.events import event
from shop_shared.messaging.outbox import publish
from shop_shared.stores.postgres import transaction
from shop_user import codes
from shop_user.events import UserVerified, VerificationRequested
from shop_user.models import Channel
from shop_user.repository import accounts
from shop_user.service import sent_codes
from shop_user.service.accounts import present
from shop_user.service.sent_codes import CodeInvalid


class NothingToVerify(Conflict):
    """There is no phone number, or it is verified already."""

    code, title = "nothing_to_verify", "Nothing to verify"


async def request(engine: AsyncEngine, user_id: UUID, channel: Channel) -> None:
    """Send a code to the account's e-mail or phone. Raises NothingToVerify, TooManyRequests."""
    async with transaction(engine) as connection:
        account = await present(connection, user_id, lock=True)
        destination = account[channel]
        if destination is None or account[f"{channel}_verified_at"] is not None:
            raise NothingToVerify(f"There is no {channel} to verify.")
        await sent_codes.require_not_too_many(connection, user_id, channel)
        code = await sent_codes.create(connection, user_id, channel, destination=destination)
        requested = VerificationRequested(
            user_id=user_id,
            channel=channel,
            destination=destination,
            code=code,
            expires_at=now() + codes.LIFETIME,
        )
        await publish(connection, event(requested, key=user_id))


async def confirm(engine: AsyncEngine, user_id: UUID, channel: Channel, code: str) -> None:
    """Verify the address by its code. Raises CodeInvalid; the try counts all the same."""
    async with transaction(engine) as connection:
        account = await present(connection, user_id, lock=True)
        sent = await sent_codes.redeem(connection, user_id, channel, code)
        right = sent is not None and sent["destination"] == account[channel]
        if right:
            await accounts.update(connection, user_id, **{f"{channel}_verified_at": now()})
            verified = UserVerified(user_id=user_id, channel=channel)
            await publish(connection, event(verified, key=user_id))
    if not right:
        raise CodeInvalid("The code is not valid.")
