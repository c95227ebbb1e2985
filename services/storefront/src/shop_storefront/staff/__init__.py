"""The staff's pages, a module an area."""

from shop_storefront.staff import (
    catalogue,
    messages,
    orders,
    payments,
    shipments,
    stock,
    today,
    users,
)

ROUTERS = (
    today.router,
    orders.router,
    payments.router,
    catalogue.router,
    stock.router,
    shipments.router,
    messages.router,
    users.router,
)
