"""No page weighs more than 50 KiB with its style and script, however much there is to show."""

from pathlib import Path
from uuid import UUID, uuid4

from contract.browser import Browser, make_product
from contract.owned_resources import OwnedResources
from contract.shop import Shop
from contract.storefront_things import Things
from shop_storefront.rendering import STATIC
from storefront_pages import CUSTOMER, MAX_BYTES, STAFF

LINES = 30
"""Different products in a basket. (An order may have a hundred: then its basket weighs more.)"""
FULL = 55
"""More than a page of any list."""
BESIDE = sum(len(Path(STATIC / name).read_bytes()) for name in ("shop.css", "shop.js", "icon.svg"))


def fill(customer: Browser, shop: Shop, things: Things) -> None:
    """Have lists that are full: products, orders, a ledger, and a basket of many products."""
    name = "A stoneware mug with a handle, glazed blue"
    products = [make_product(shop, name=f"{name} {number}")["id"] for number in range(FULL)]
    for product in products[:LINES]:
        customer.get("/basket")
        customer.post("/basket", product_id=product, quantity=1)
    owned = OwnedResources(shop)
    of_customer = shop.headers(UUID(things.ids["user_id"]))
    for _ in range(FULL):
        items = [{"product_id": product, "quantity": 1} for product in products[:4]]
        owned.post("order", "/v1/orders", of_customer, items=items)
        owned.call(
            "product",
            "POST",
            f"/v1/products/{things.ids['product_id']}/inventory/adjustments",
            owned.staff | {"Idempotency-Key": uuid4().hex},
            {"delta": 1, "reason": "received", "note": "of the order that came on Monday"},
        )


def test_no_page_is_large(
    customer: Browser, staff_visitor: Browser, shop: Shop, things: Things
) -> None:
    fill(customer, shop, things)
    for browser, opened in ((customer, CUSTOMER), (staff_visitor, STAFF)):
        for template, address in things.addresses(opened):
            page = browser.get(address)
            assert page.status_code == 200, address
            weight = len(page.content) + BESIDE
            assert weight <= MAX_BYTES, f"{template} weighs {weight} bytes"
    assert customer.get("/basket").text.count('name="remove"') >= LINES
    assert staff_visitor.get("/staff/orders").text.count('href="/staff/orders/') == 50
