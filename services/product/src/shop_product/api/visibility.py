"""Who sees products that are not active: staff, and nobody else."""

from fastapi import Request

from shop_shared.http.auth import current_user
from shop_shared.http.problems import Forbidden, Unauthenticated

STAFF = ("staff", "admin")
PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Authorization"}
"""Headers of an answer that only its caller may see."""


async def staff_only(request: Request) -> None:
    """Raise Unauthenticated or Forbidden unless staff is calling."""
    caller = await current_user(request)
    if not caller.has_role(*STAFF):
        raise Forbidden(f"Only for: {', '.join(STAFF)}.")


async def is_staff(request: Request) -> bool:
    """Return whether staff is calling a public route; a token that does not count is ignored."""
    try:
        caller = await current_user(request)
    except Unauthenticated:
        return False
    return caller.has_role(*STAFF)
