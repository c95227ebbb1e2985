"""Who sees products that are not active: whoever has the right, and nobody else."""

from fastapi import Request

from shop_shared.http.auth import current_user, may, require
from shop_shared.http.problems import Unauthenticated

PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Authorization"}
"""Headers of an answer that only its caller may see."""


async def require_sight(request: Request) -> None:
    """Raise Unauthenticated or Forbidden unless the caller may see inactive products."""
    require(await current_user(request), "read", "inactive_product")


async def has_sight(request: Request) -> bool:
    """Return True if the caller of a public route may see inactive products.

    A token that does not count is ignored.
    """
    try:
        caller = await current_user(request)
    except Unauthenticated:
        return False
    return may(caller, "read", "inactive_product")
