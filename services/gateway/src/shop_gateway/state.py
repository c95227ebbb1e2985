"""What the gateway's own routes read."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shop_gateway.proxy import Proxy
from shop_shared.http.app_state import state_dependency


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayState:
    """The gateway's state: the proxy, through which its own routes ask the services."""

    proxy: Proxy


State = Annotated[GatewayState, Depends(state_dependency(GatewayState))]
