"""What the routes of the payment service need, wired by main.py and read as typed dependencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_payment.providers.catalogue import Catalogue, Providers
from shop_shared.http.app_state import state_dependency


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentState:
    """The database, the providers whose keys are set, and the methods that they offer."""

    engine: AsyncEngine
    providers: Providers
    catalogue: Catalogue


State = Annotated[PaymentState, Depends(state_dependency(PaymentState))]


async def _engine(state: State) -> AsyncEngine:
    return state.engine


Engine = Annotated[AsyncEngine, Depends(_engine)]
