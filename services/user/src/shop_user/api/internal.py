"""For other services only: the gateway routes nothing under /internal."""

from fastapi import APIRouter

from shop_shared.http.auth import ServiceCaller
from shop_shared.http.postgres_engine import Engine
from shop_user.api.state import Passwords
from shop_user.models import Credentials, VerifiedCredentials
from shop_user.service import credentials

router = APIRouter(prefix="/internal/v1", tags=["internal"])


@router.post("/credentials:verify")
async def verify_credentials(
    presented: Credentials,
    caller: ServiceCaller,  # noqa: ARG001 - the role is checked
    engine: Engine,
    passwords: Passwords,
) -> VerifiedCredentials:
    """Say whose credentials these are. All failures look the same."""
    return await credentials.verify(engine, passwords, presented)
