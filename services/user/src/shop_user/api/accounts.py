"""One's own account."""

from typing import Annotated

from fastapi import APIRouter, Response

from shop_shared.http.auth import Principal, permit
from shop_shared.http.engine_state import Engine
from shop_shared.http.etag import IfMatch, set_etag
from shop_shared.http.openapi import documented, sends
from shop_shared.stores.postgres import transaction
from shop_user.models import (
    Accepted,
    EmailChange,
    EmailChangeConfirm,
    Export,
    PasswordChange,
    PasswordReset,
    PasswordResetRequest,
    ProfilePatch,
    Registration,
    User,
    VerificationConfirm,
    VerificationRequest,
)
from shop_user.service import (
    accounts,
    email_change,
    export,
    password_change,
    password_reset,
    verification,
)
from shop_user.state import Passwords

router = APIRouter(prefix="/v1/users", tags=["accounts"])


@router.post("", status_code=202, responses=documented(429))
async def register(wanted: Registration, engine: Engine, passwords: Passwords) -> Accepted:
    """Open an account. The answer is the same when the e-mail has one already."""
    await accounts.register(engine, passwords, wanted)
    return Accepted(message="Sign in with this e-mail and password.")


@router.get("/me", responses=documented(403, 404))
async def get_me(
    caller: Annotated[Principal, permit("read", "user")], engine: Engine, response: Response
) -> User:
    """Read one's account."""
    async with transaction(engine) as connection:
        account = await accounts.present(connection, caller.user_id)
    set_etag(response, account["version"])
    return User.model_validate(account)


@router.patch("/me", responses=documented(403, 404))
async def change_me(
    patch: ProfilePatch,
    caller: Annotated[Principal, permit("update", "user")],
    engine: Engine,
    response: Response,
    if_match: IfMatch = None,
) -> User:
    """Change one's profile."""
    account = await accounts.change(engine, caller.user_id, patch, if_match=if_match)
    set_etag(response, account["version"])
    return User.model_validate(account)


@router.delete("/me", status_code=204, responses=documented(403, 404, 409))
async def delete_me(caller: Annotated[Principal, permit("delete", "user")], engine: Engine) -> None:
    """Delete one's account: personal data is erased and every session ends.

    The last administrator cannot: 409.
    """
    await accounts.delete(engine, caller.user_id)


@router.post("/me/verifications", status_code=202, responses=documented(403, 404, 409, 429))
async def request_verification(
    wanted: VerificationRequest,
    caller: Annotated[Principal, permit("update", "user")],
    engine: Engine,
) -> Accepted:
    """Have a code sent to one's e-mail or phone: six digits, good for ten minutes."""
    await verification.request(engine, caller.user_id, wanted.channel)
    return Accepted(message="A code is on its way.")


@router.post("/me/verifications/confirm", status_code=204, responses=documented(403, 404))
async def confirm_verification(
    wanted: VerificationConfirm,
    caller: Annotated[Principal, permit("update", "user")],
    engine: Engine,
) -> None:
    """Prove the address by the code. After five wrong ones a new code is needed."""
    await verification.confirm(engine, caller.user_id, wanted.channel, wanted.code)


@router.post("/me/password", status_code=204, responses=documented(403, 404, 429))
async def change_password(
    wanted: PasswordChange,
    caller: Annotated[Principal, permit("update", "user")],
    engine: Engine,
    passwords: Passwords,
) -> None:
    """Change one's password. Every other session ends."""
    await password_change.change(
        engine,
        passwords,
        caller.user_id,
        current=wanted.current_password,
        new=wanted.new_password,
        session_id=caller.session_id,
    )


@router.post("/me/email", status_code=202, responses=documented(403, 404, 409, 429))
async def request_email_change(
    wanted: EmailChange,
    caller: Annotated[Principal, permit("update", "user")],
    engine: Engine,
    passwords: Passwords,
) -> Accepted:
    """Have a code sent to a new e-mail address. The answer is the same if it has an account."""
    await email_change.request(engine, passwords, caller.user_id, wanted)
    return Accepted(message="If the address is free, a code is on its way to it.")


@router.post("/me/email/confirm", status_code=204, responses=documented(403, 404))
async def confirm_email_change(
    wanted: EmailChangeConfirm,
    caller: Annotated[Principal, permit("update", "user")],
    engine: Engine,
) -> None:
    """Move the account to the new address by its code; a notice goes to the old one."""
    await email_change.confirm(engine, caller.user_id, wanted.code)


@router.get("/me/export", responses=documented(403, 404) | sends(200, "Content-Disposition"))
async def export_me(
    caller: Annotated[Principal, permit("export", "user")], engine: Engine, response: Response
) -> Export:
    """Download all personal data that this service holds (GDPR, articles 15 and 20)."""
    response.headers["Content-Disposition"] = 'attachment; filename="account.json"'
    response.headers["Cache-Control"] = "no-store"
    return await export.of_user(engine, caller.user_id)


@router.post("/password-resets", status_code=202)
async def request_password_reset(wanted: PasswordResetRequest, engine: Engine) -> Accepted:
    """Have a code sent to reset the password. The answer is the same without an account."""
    await password_reset.request(engine, wanted.email)
    return Accepted(message="If there is an account, a code is on its way.")


@router.post("/password-resets/confirm", status_code=204, responses=documented(429))
async def reset_password(wanted: PasswordReset, engine: Engine, passwords: Passwords) -> None:
    """Set a new password by the code from the mail. Every session ends."""
    await password_reset.confirm(engine, passwords, wanted)
