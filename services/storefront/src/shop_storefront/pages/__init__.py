"""The customers' pages, a module an area."""

from shop_storefront.pages import (
    account,
    addresses,
    basket,
    catalogue,
    checkout,
    credentials,
    live,
    messages,
    orders,
    returns,
    signing_in,
)

ROUTERS = (
    catalogue.router,
    basket.router,
    signing_in.router,
    credentials.router,
    account.router,
    addresses.router,
    messages.router,
    checkout.router,
    orders.router,
    returns.router,
    live.router,
)
