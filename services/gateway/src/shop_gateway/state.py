"""What the gateway's own routes read."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shop_gateway.documents import ShopDocument
from shop_gateway.proxy import Proxy
from shop_shared.http.app_state import state_dependency


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayState:
    """The proxy, through which the gateway's own routes ask the services, and their document."""

    proxy: Proxy
    document: ShopDocument


State = Annotated[GatewayState, Depends(state_dependency(GatewayState))]
