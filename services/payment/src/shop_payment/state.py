"""What the routes of the payment service need, wired by main.py and read as typed dependencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shop_payment.providers.catalogue import Catalogue, Providers
from shop_shared.http.app_state import state_dependency
from shop_shared.http.engine_state import EngineState


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentState(EngineState):
    """The database, the providers whose keys are set, and the methods that they offer."""

    providers: Providers
    catalogue: Catalogue


State = Annotated[PaymentState, Depends(state_dependency(PaymentState))]
