"""Password resets by a code from a mail, with the same work for known and unknown addresses.

A request only stores the address; a worker finds the account, if there is one, and sends the code.
A confirmation hashes the new password, counts the try and compares a code in either case. So the
time of an answer does not tell who has an account.
"""

import hashlib
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.background import WakeSignal, work_off
from shop_shared.clock import now
from shop_shared.messaging.events import event
from shop_shared.messaging.outbox import publish
from shop_shared.stores.postgres import is_temporary, transaction
from shop_user import codes
from shop_user.events import PasswordResetRequested
from shop_user.models import PasswordReset
from shop_user.passwords import Passwords
from shop_user.repository import accounts, password_resets
from shop_user.repository import codes as stored
from shop_user.service import sent_codes
from shop_user.service.accounts import set_password
from shop_user.service.sent_codes import CodeInvalid

POLL_SECONDS = 5.0
"""How often the worker looks for requests whose NOTIFY was lost."""
_NOBODY = UUID(int=0)
_log = structlog.get_logger(__name__)


async def request(engine: AsyncEngine, email: str) -> None:
    """Store the request for the worker, whether or not the address has an account."""
    async with transaction(engine) as connection:
        await password_resets.enqueue(connection, email)


async def run(engine: AsyncEngine, signal: WakeSignal) -> None:
    """Send the codes of the requests when woken, until cancelled."""
    work = partial(send_next, engine)
    await work_off(work, signal=signal, seconds=POLL_SECONDS, is_temporary=is_temporary)


async def send_next(engine: AsyncEngine) -> bool:
    """Work on the oldest request; False where none waits."""
    async with transaction(engine) as connection:
        email = await password_resets.take(connection)
        if email is not None:
            await _send_code(connection, email)
    return email is not None


async def _send_code(connection: AsyncConnection, email: str) -> None:
    await password_resets.lock_tries(connection, _hash(email))
    account = await accounts.find_by_email(connection, email, lock=True)
    if account is None or account["status"] != "active":
        return
    user_id = account["id"]
    if await stored.sent_lately(connection, user_id, "password_reset") >= codes.MAX_PER_HOUR:
        _log.info("no more reset codes this hour", user_id=str(user_id))
        return
    code = await sent_codes.create(connection, user_id, "password_reset", destination=email)
    await password_resets.forget_tries(connection, _hash(email))
    requested = PasswordResetRequested(
        user_id=user_id, email=email, code=code, expires_at=now() + codes.LIFETIME
    )
    await publish(connection, event(requested, key=user_id))


async def confirm(engine: AsyncEngine, passwords: Passwords, wanted: PasswordReset) -> None:
    """Set a new password by the code; all sessions end. Raises CodeInvalid; the try counts."""
    password_hash = await passwords.hash(wanted.new_password)
    async with transaction(engine) as connection:
        tries = await password_resets.count_try(connection, _hash(wanted.email))
        account = await accounts.find_by_email(connection, wanted.email, lock=True)
        user_id = account["id"] if account is not None and account["status"] == "active" else None
        sent = await stored.latest(connection, user_id or _NOBODY, "password_reset")
        salt, digest = (sent["id"], sent["digest"]) if sent else (_NOBODY, "")
        right = (
            codes.matches(wanted.code, salt=salt, digest=digest)
            and tries <= codes.MAX_TRIES
            and sent is not None
            and sent["destination"] == wanted.email
        )
        if right and user_id is not None and sent is not None:
            await stored.use(connection, sent["id"])
            await set_password(connection, user_id, password_hash, kept_session_id=None)
    if not right:
        raise CodeInvalid("The code is not valid.")


def _hash(email: str) -> bytes:
    """Return what stands for an address that may be nobody's customer's."""
    return hashlib.sha256(email.encode()).digest()
