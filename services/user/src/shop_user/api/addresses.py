"""One's address book."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from shop_shared.http.auth import Principal, permit
from shop_shared.http.engine_state import Engine
from shop_shared.http.etag import IfMatch, require_match, set_etag
from shop_shared.http.openapi import documented, sends
from shop_shared.http.problems import Conflict, NotFound
from shop_shared.stores.postgres import transaction
from shop_user.models import Address, Addresses, AddressWrite
from shop_user.repository import addresses
from shop_user.service.accounts import present

router = APIRouter(
    prefix="/v1/users/me/addresses", tags=["addresses"], responses=documented(403, 404)
)

MAX_ADDRESSES = 50


class BookFull(Conflict):
    """The book has as many addresses as it takes."""

    code, title = "address_book_full", "Address book is full"


@router.get("")
async def list_addresses(
    caller: Annotated[Principal, permit("read", "address")], engine: Engine
) -> Addresses:
    """Read the whole book, the default first."""
    async with transaction(engine) as connection:
        await present(connection, caller.user_id)
        rows = await addresses.of_user(connection, caller.user_id)
    return Addresses(items=[Address.model_validate(row) for row in rows])


@router.post("", status_code=201, responses=documented(409) | sends(201, "Location"))
async def add_address(
    wanted: AddressWrite,
    caller: Annotated[Principal, permit("create", "address")],
    engine: Engine,
    response: Response,
) -> Address:
    """Add an address."""
    async with transaction(engine) as connection:
        # The account's lock makes its book's changes take turns: one default, and no more than fit.
        await present(connection, caller.user_id, lock=True)
        if len(await addresses.of_user(connection, caller.user_id)) >= MAX_ADDRESSES:
            raise BookFull(f"A book has at most {MAX_ADDRESSES} addresses.")
        row = await addresses.insert(connection, caller.user_id, wanted.model_dump())
    response.headers["Location"] = f"/v1/users/me/addresses/{row['id']}"
    set_etag(response, row["version"])
    return Address.model_validate(row)


@router.get("/{address_id}")
async def get_address(
    address_id: UUID,
    caller: Annotated[Principal, permit("read", "address")],
    engine: Engine,
    response: Response,
) -> Address:
    """Read an address."""
    async with transaction(engine) as connection:
        row = await addresses.find(connection, caller.user_id, address_id)
    if row is None:
        raise NotFound("No such address.")
    set_etag(response, row["version"])
    return Address.model_validate(row)


@router.put("/{address_id}")
async def replace_address(  # noqa: PLR0913 - a parameter a part of the request
    address_id: UUID,
    wanted: AddressWrite,
    caller: Annotated[Principal, permit("update", "address")],
    engine: Engine,
    *,
    response: Response,
    if_match: IfMatch = None,
) -> Address:
    """Write an address anew."""
    async with transaction(engine) as connection:
        await present(connection, caller.user_id, lock=True)
        before = await addresses.find(connection, caller.user_id, address_id)
        if before is None:
            raise NotFound("No such address.")
        require_match(if_match, before["version"])
        row = await addresses.replace(connection, caller.user_id, address_id, wanted.model_dump())
    set_etag(response, row["version"])
    return Address.model_validate(row)


@router.delete("/{address_id}", status_code=204)
async def delete_address(
    address_id: UUID, caller: Annotated[Principal, permit("delete", "address")], engine: Engine
) -> None:
    """Take an address out of the book."""
    async with transaction(engine) as connection:
        if not await addresses.delete(connection, caller.user_id, address_id):
            raise NotFound("No such address.")
