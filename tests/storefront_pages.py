"""Every page of the storefront, as its routes tell: what tests look at and the bench measures."""

import re
from collections.abc import Mapping, Sequence

from fastapi import APIRouter
from starlette.routing import Route

from shop_storefront import pages, staff

MAX_BYTES = 50 * 1024
"""Of a page with its style and its script, without pictures (docs/services/storefront.md)."""
NOT_PAGES = frozenset(
    (
        "/account/export",  # a file
        "/orders/return",  # these two lead elsewhere
        "/orders/{order_id}/pay",
        "/orders/{order_id}/events",  # a stream
        "/orders/{order_id}/progress",  # a part of a page
        "/pictures/{product_id}/image",
        "/pictures/{product_id}/images/{image_id}",
    )
)


def paths(routers: Sequence[APIRouter], method: str) -> list[str]:
    """Return the paths of routers that take a method, with their {names}, sorted."""
    return sorted(
        {
            route.path
            for router in routers
            for route in router.routes
            if isinstance(route, Route) and method in (route.methods or ())
        }
    )


CUSTOMER = [path for path in paths(pages.ROUTERS, "GET") if path not in NOT_PAGES]
STAFF = paths(staff.ROUTERS, "GET")


def page_of(path: str) -> str | None:
    """Return the page that an address is of: /orders/{order_id}; None where it is of none."""
    for known in sorted([*CUSTOMER, *STAFF], key=lambda each: each.count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path):
            return known
    return None


def filled_in(page: str, ids: Mapping[str, str]) -> str:
    """Return an address of a page. Raises KeyError for a {name} without an id."""
    return page.format(**ids)


def file_name(page: str) -> str:
    """Return what a picture of a page is called: staff-orders-order_id."""
    return page.strip("/").replace("/", "-").replace("{", "").replace("}", "") or "catalogue"
