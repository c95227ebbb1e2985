"""One of each thing that the storefront's pages show, and the pages' addresses by their ids."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import sqlalchemy as sa

from contract.browser import Browser, make_product
from contract.owned_resources import OwnedResources, make
from contract.services import SERVICES
from contract.test_storefront_customer import ADDRESS, fill_basket, place_order
from shop_shared.stores.postgres import create_engine, transaction
from storefront_pages import filled_in

AFTER_A_DECLINE = "/orders/{order_id}/payment"


@dataclass(frozen=True)
class Things:
    """A customer's order that has arrived and was paid, another that waits, and the others' ids."""

    ids: dict[str, str]

    def addresses(self, pages: list[str]) -> Iterator[tuple[str, str]]:
        """Yield each page and its address."""
        for page in pages:
            of = {"order_id": self.ids["failed_id"]} if page == AFTER_A_DECLINE else {}
            yield page, filled_in(page, self.ids | of)


def make_things(customer: Browser, owned: OwnedResources) -> Things:
    """Have a customer, who has signed in, order, and the shop deliver and take something back."""
    product = make_product(owned.shop, initial_stock=100, low_stock_threshold=1000)
    customer.get("/account/addresses/new")
    customer.post("/account/addresses", **{**ADDRESS, "label": "home"})
    [address] = re.findall(r'href="/account/addresses/([0-9a-f-]{36})"', customer.page.text)
    ids = {"product_id": product["id"], "address_id": address}
    for name in ("order_id", "failed_id", "waiting_id"):
        fill_basket(customer, product, 2)
        ids[name] = place_order(customer).url.path.removeprefix("/orders/")
    found = owned.call("order", "GET", f"/v1/orders/{ids['order_id']}", owned.staff)
    about = {"order_id": ids["order_id"], "customer_id": found["customer_id"]}
    line = {"product_id": product["id"], "quantity": 2, "sku": product["sku"], "name": "A mug"}
    owned.deliver(about, line, each=1250, total=2500)
    _fail(owned, about | {"order_id": ids["failed_id"]}, line)
    _pay(owned, about)
    customer.get(f"/orders/{ids['order_id']}/return")
    fields = {f"quantity-{product['id']}": "1", "reason": "damaged"}
    customer.post(f"/orders/{ids['order_id']}/return", key=customer.field("key"), **fields)
    found = owned.call("order", "GET", f"/v1/returns?order_id={ids['order_id']}", owned.staff)
    ids["return_id"] = found["items"][0]["id"]
    ids["user_id"] = about["customer_id"]
    ids["shipment_id"] = owned.post("shipping", "/v1/shipments", owned.staff, **about)
    ids["message_id"] = make("notification_id", owned)
    fill_basket(customer, product)  # for the basket and the checkout
    return Things(ids)


def _fail(owned: OwnedResources, about: dict[str, str], line: dict[str, object]) -> None:
    """Let order hear that the stock is held and the payment was declined."""
    price, total = ({"amount": amount, "currency": "USD"} for amount in (1250, 2500))
    later = "2999-01-01T00:00:00Z"
    owned.hear(
        "order",
        "inventory.reserved",
        **about,
        lines=[{**line, "unit_price": price}],
        total=total,
        reserved_until=later,
    )
    owned.hear(
        "order",
        "payment.failed",
        **about,
        reason="declined",
        message="no funds",
        attempt=1,
        retry_until=later,
    )


def _pay(owned: OwnedResources, about: dict[str, str]) -> None:
    """Have the payment service hold the money of an order, as after its provider's answer."""
    method = {"provider": "paypal", "method": "paypal", "currency": "USD"}
    owned.hear("payment", "order.placed", **about, payment=method)
    total = {"amount": 2500, "currency": "USD"}
    owned.hear("payment", "inventory.reserved", **about, total=total)
    change_row(
        owned,
        "payment",
        "UPDATE payments SET status = 'captured', captured = amount, captured_at = now(), "
        "reference = 'CAPTURED' WHERE order_id = :id",
        about["order_id"],
    )


def change_row(owned: OwnedResources, service: str, statement: str, row_id: str) -> None:
    """Change a row of a service's database, as what is outside of the shop would have it."""
    settings = owned.shop.stores.settings(SERVICES[service])

    async def change() -> None:
        engine = create_engine(settings)
        async with transaction(engine) as connection:
            await connection.execute(sa.text(statement), {"id": row_id})
        await engine.dispose()

    with ThreadPoolExecutor(max_workers=1) as pool:  # a test's own loop belongs to this thread
        pool.submit(asyncio.run, change()).result()
