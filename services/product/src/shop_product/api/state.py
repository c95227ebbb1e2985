"""What main.py wired, as dependencies."""

from typing import Annotated

from fastapi import Depends, Request

from shop_product.api.list_cache import ListCache
from shop_product.repository.store import Store as StoreType


def _store(request: Request) -> StoreType:
    store: StoreType = request.app.state.store
    return store


def _lists(request: Request) -> ListCache:
    lists: ListCache = request.app.state.lists
    return lists


Store = Annotated[StoreType, Depends(_store)]
Lists = Annotated[ListCache, Depends(_lists)]
