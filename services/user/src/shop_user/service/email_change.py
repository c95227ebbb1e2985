"""A new e-mail address for an account: verified by a code sent there, with a notice to the old."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.clock import now
from shop_shared.http.problems import Conflict
from shop_shared.messaging.events import EventPayload, event
from shop_shared.messaging.outbox import publish
from shop_shared.stores.postgres import transaction
from shop_user import codes
from shop_user.events import EmailChanged, RegistrationRepeated, VerificationRequested
from shop_user.models import EmailChange
from shop_user.passwords import Passwords
from shop_user.repository import accounts
from shop_user.service import present_password, sent_codes
from shop_user.service.accounts import present, updated
from shop_user.service.sent_codes import CodeInvalid


class SameEmail(Conflict):
    """The account has this address already."""

    code, title = "same_email", "The e-mail is the same"


async def request(
    engine: AsyncEngine, passwords: Passwords, user_id: UUID, wanted: EmailChange
) -> None:
    """Send a code to the new address; where it has an account, a notice to that instead.

    Either way a code is stored and counted and one event is written, so that neither the answer nor
    its time tells whether the address is taken. Raises WrongPassword, SameEmail, TooManyRequests.
    """
    checked = await present_password.require(engine, passwords, user_id, wanted.current_password)
    async with transaction(engine) as connection:
        account = await present_password.locked(connection, checked)
        if account["email"] == wanted.new_email:
            raise SameEmail("This is the account's address already.")
        await sent_codes.require_not_too_many(connection, user_id, "email_change")
        code = await sent_codes.create(
            connection, user_id, "email_change", destination=wanted.new_email
        )
        holder = await accounts.find_by_email(connection, wanted.new_email)
        told: EventPayload = (
            VerificationRequested(
                user_id=user_id,
                channel="email",
                destination=wanted.new_email,
                code=code,
                expires_at=now() + codes.LIFETIME,
            )
            if holder is None
            else RegistrationRepeated(user_id=holder["id"], email=wanted.new_email)
        )
        key = user_id if holder is None else holder["id"]
        await publish(connection, event(told, key=key))


async def confirm(engine: AsyncEngine, user_id: UUID, code: str) -> None:
    """Move the account to the address that the code was sent to. Raises CodeInvalid."""
    async with transaction(engine) as connection:
        before = await present(connection, user_id, lock=True)
        sent = await sent_codes.redeem(connection, user_id, "email_change", code)
        moved = sent is not None and await accounts.move(connection, user_id, sent["destination"])
        if moved and sent is not None:
            after = await accounts.update(connection, user_id, email_verified_at=now())
            changed = EmailChanged(
                user_id=user_id,
                old_email=before["email"],
                new_email=after["email"],
                version=after["version"],
            )
            for payload in (changed, updated(after)):
                await publish(connection, event(payload, key=user_id))
    if not moved:
        raise CodeInvalid("The code is not valid.")
