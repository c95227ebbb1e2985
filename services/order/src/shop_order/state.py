"""What main.py wires for the order service's routes."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shop_order.settings import Settings
from shop_order.tracking import Tracker
from shop_shared.http.app_state import state_dependency
from shop_shared.http.engine_state import EngineState


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState(EngineState):
    """The order service's state."""

    settings: Settings
    tracker: Tracker


State = Annotated[OrderState, Depends(state_dependency(OrderState))]
