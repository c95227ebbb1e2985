"""The user service over HTTP: accounts, address books, the staff's pages, the internal call."""

from fastapi import APIRouter

from shop_user.api import accounts, addresses, admin, internal

router = APIRouter()
for room in (accounts, addresses, admin, internal):  # /me before /{user_id}
    router.include_router(room.router)
