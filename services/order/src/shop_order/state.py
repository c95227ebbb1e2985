"""What main.py wires for the order service's routes."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_order.settings import Settings
from shop_order.tracking import Tracker
from shop_shared.http.app_state import state_dependency


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """The order service's state."""

    engine: AsyncEngine
    settings: Settings
    tracker: Tracker


State = Annotated[OrderState, Depends(state_dependency(OrderState))]


async def _engine(state: State) -> AsyncEngine:
    return state.engine


Engine = Annotated[AsyncEngine, Depends(_engine)]
