"""What main.py wires for the shipping service's routes."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shop_shared.http.app_state import state_dependency
from shop_shared.http.engine_state import EngineState
from shop_shipping.cache import Cache
from shop_shipping.carriers import Carrier
from shop_shipping.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingState(EngineState):
    """The shipping service's state."""

    settings: Settings
    cache: Cache
    carrier: Carrier


State = Annotated[ShippingState, Depends(state_dependency(ShippingState))]
