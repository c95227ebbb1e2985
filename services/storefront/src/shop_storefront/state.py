"""What the pages read of main.py's wiring."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shop_shared.http.app_state import state_dependency
from shop_storefront.api_client import ShopApi
from shop_storefront.baskets import BasketStore
from shop_storefront.live_streams import LiveStreams
from shop_storefront.rendering import Renderer
from shop_storefront.sessions import SessionStore
from shop_storefront.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class StorefrontState:
    """The API, what Redis keeps, and the templates."""

    settings: Settings
    api: ShopApi
    sessions: SessionStore
    baskets: BasketStore
    renderer: Renderer
    streams: LiveStreams


State = Annotated[StorefrontState, Depends(state_dependency(StorefrontState))]
