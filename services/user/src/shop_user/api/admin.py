"""Everybody's accounts, for the staff."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shop_shared.emails import Email
from shop_shared.http.auth import Principal, permit
from shop_shared.http.engine_state import Engine
from shop_shared.http.etag import set_etag
from shop_shared.http.openapi import documented
from shop_shared.http.pagination import Before, Limit, Page, page_of
from shop_shared.http.problems import NotFound
from shop_shared.stores.postgres import transaction
from shop_user.models import RolesPut, Status, User
from shop_user.repository import accounts
from shop_user.service import administration

router = APIRouter(prefix="/v1/users", tags=["staff"])


@router.get("")
async def list_users(  # noqa: PLR0913 - a parameter a part of the query
    caller: Annotated[Principal, permit("list", "user")],  # noqa: ARG001 - the role is checked
    engine: Engine,
    *,
    email: Annotated[Email | None, Query(description="The account with this e-mail")] = None,
    status: Annotated[Status | None, Query(description="In this state only")] = None,
    limit: Limit = 20,
    before: Before = None,
) -> Page[User]:
    """List accounts, newest first (staff)."""
    async with transaction(engine) as connection:
        rows = await accounts.page(
            connection,
            email=email,
            status=status,
            before=before,
            limit=limit + 1,
        )
    return page_of(rows, limit=limit, view=User.model_validate, position=lambda row: row["id"])


@router.get("/{user_id}")
async def get_user(
    user_id: UUID,
    caller: Annotated[Principal, permit("read", "user")],
    engine: Engine,
    response: Response,
) -> User:
    """Read an account: one's own, for the staff anybody's."""
    async with transaction(engine) as connection:
        account = await accounts.find(connection, user_id)
    if account is None or not caller.can_view(user_id):
        raise NotFound("No such account.")
    set_etag(response, account["version"])
    return User.model_validate(account)


@router.delete("/{user_id}", status_code=204, responses=documented(409))
async def delete(
    user_id: UUID, caller: Annotated[Principal, permit("delete", "user")], engine: Engine
) -> None:
    """Delete a person's account on their behalf (admin), just as they could themselves.

    One's own, and the last administrator's: 409.
    """
    if not caller.can_view(user_id):
        raise NotFound("No such account.")
    await administration.delete(engine, user_id, by=caller.user_id)


@router.post("/{user_id}/suspend", responses=documented(409))
async def suspend(
    user_id: UUID,
    caller: Annotated[Principal, permit("suspend", "user")],
    engine: Engine,
    response: Response,
) -> User:
    """Lock an account (admin): it cannot sign in, and its sessions end."""
    account = await administration.set_status(engine, user_id, "suspended", by=caller.user_id)
    set_etag(response, account["version"])
    return User.model_validate(account)


@router.post("/{user_id}/reinstate", responses=documented(409))
async def reinstate(
    user_id: UUID,
    caller: Annotated[Principal, permit("reinstate", "user")],
    engine: Engine,
    response: Response,
) -> User:
    """Open a locked account again (admin)."""
    account = await administration.set_status(engine, user_id, "active", by=caller.user_id)
    set_etag(response, account["version"])
    return User.model_validate(account)


@router.put("/{user_id}/roles", responses=documented(409))
async def set_roles(
    user_id: UUID,
    wanted: RolesPut,
    caller: Annotated[Principal, permit("set_roles", "user")],
    engine: Engine,
    response: Response,
) -> User:
    """Give an account its roles (admin). Its sessions end, so that they hold at once."""
    account = await administration.set_roles(engine, user_id, wanted.roles, by=caller.user_id)
    set_etag(response, account["version"])
    return User.model_validate(account)
