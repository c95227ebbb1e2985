"""The staff's pages, a module an area."""

from shop_storefront.staff import (
    catalogue,
    messages,
    orders,
    payments,
    pictures,
    returns,
    shipments,
    stock,
    today,
    users,
)

ROUTERS = (
    today.router,
    orders.router,
    payments.router,
    returns.router,
    catalogue.router,
    pictures.router,
    stock.router,
    shipments.router,
    messages.router,
    users.router,
)
