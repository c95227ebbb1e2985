"""What main.py wires for the product service's routes."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shop_product.images.encoder import ImageEncoder
from shop_product.list_cache import ListCache
from shop_product.repository.store import Store as MongoStore
from shop_product.settings import Settings
from shop_shared.http.app_state import state_dependency


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductState:
    """The product service's state."""

    store: MongoStore
    lists: ListCache
    encoder: ImageEncoder
    settings: Settings


State = Annotated[ProductState, Depends(state_dependency(ProductState))]


async def _store(state: State) -> MongoStore:
    return state.store


async def _lists(state: State) -> ListCache:
    return state.lists


async def _encoder(state: State) -> ImageEncoder:
    return state.encoder


Store = Annotated[MongoStore, Depends(_store)]
Encoder = Annotated[ImageEncoder, Depends(_encoder)]
Lists = Annotated[ListCache, Depends(_lists)]
