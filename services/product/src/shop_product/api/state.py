"""What main.py wired, as dependencies."""

from typing import Annotated

from shop_product.api.list_cache import ListCache
from shop_product.repository.store import Store as StoreType
from shop_shared.http.app_state import wired

Store = Annotated[StoreType, wired("store")]
Lists = Annotated[ListCache, wired("lists")]
