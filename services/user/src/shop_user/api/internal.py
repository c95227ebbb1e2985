"""For other services only: the gateway routes nothing under /internal."""

from typing import Annotated

from fastapi import APIRouter

from shop_shared.http.auth import Principal, permit
from shop_shared.http.engine_state import Engine
from shop_user.models import Credentials, EmailQuery, PasswordChangedAt, VerifiedCredentials
from shop_user.service import credentials
from shop_user.state import Passwords

router = APIRouter(prefix="/internal/v1", tags=["internal"])


@router.post("/credentials:verify")
async def verify_credentials(
    presented: Credentials,
    caller: Annotated[Principal, permit("verify", "credentials")],  # noqa: ARG001 - the role is checked
    engine: Engine,
    passwords: Passwords,
) -> VerifiedCredentials:
    """Say whose credentials these are. All failures look the same."""
    return await credentials.verify(engine, passwords, presented)


@router.post("/credentials:changed")
async def get_password_change(
    asked: EmailQuery,
    caller: Annotated[Principal, permit("verify", "credentials")],  # noqa: ARG001 - the role is checked
    engine: Engine,
) -> PasswordChangedAt:
    """Return when an account's password last changed: wrong ones from before count no more."""
    return PasswordChangedAt(changed_at=await credentials.password_changed_at(engine, asked.email))
