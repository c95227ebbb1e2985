"""`make bench-storefront`: how long the server takes for each page of the storefront, and its size.

One page at a time, on the shop that is up, by a connection that is kept: what a visitor waits for
on an idle shop. The pages are those of the routes, with ids of an order that is placed before.
"""

import argparse
import asyncio
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
from shop_journey import orders
from shop_journey.customer import ADDRESS, PASSWORD, SHOP, Customer, ask, register
from shop_journey.golden import STAFF as STAFF_LOGIN
from shop_journey.golden import STOREFRONT

from load.shop import say
from storefront_pages import CUSTOMER, STAFF, filled_in

GOAL_MS = 30.0
REFILL_SECONDS = 2.0
WARM_UP = 5
_HREF = 'href="{}/([0-9a-f-]{{36}})"'
AFTER_A_DECLINE = "/orders/{order_id}/payment"
SIGNED_OUT = ("/sign-in", "/sign-up")


@dataclass(frozen=True)
class Measured:
    """A page, its size in bytes, and how long each of its answers took, in milliseconds."""

    page: str
    size: int
    took: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.took)

    def __str__(self) -> str:
        p99 = orders.percentile(list(self.took), 0.99)
        return f"| `{self.page}` | {self.size / 1024:.1f} KiB | {self.p50:.1f} ms | {p99:.1f} ms |"


class Browser:
    """A visitor without JavaScript."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str) -> str:
        """Return a page. Raises httpx.HTTPStatusError, and LookupError where it led elsewhere."""
        return self._open(path).text

    def _open(self, path: str) -> httpx.Response:
        """Return a page's answer, waiting first while this address is over the gateway's limit."""
        while (answer := self._http.get(path)).status_code == httpx.codes.TOO_MANY_REQUESTS:
            time.sleep(REFILL_SECONDS)
        answer.raise_for_status()
        if answer.url.path != path:
            raise LookupError(f"{path} led to {answer.url.path}")
        return answer

    def sign_in(self, email: str, password: str) -> None:
        """Sign in. Raises PermissionError where that is refused."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.get("/sign-in"))
        form = {"csrf": token[1] if token else "", "email": email, "password": password}
        if self._http.post("/sign-in", data=form).status_code != httpx.codes.OK:
            raise PermissionError(email)

    def add_to_basket(self, product: str) -> None:
        """Put a unit into the basket, that the checkout has something to show."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.get(f"/products/{product}"))
        form = {"csrf": token[1] if token else "", "product_id": product, "quantity": "1"}
        self._http.post("/basket", data=form).raise_for_status()

    def first_of(self, path: str) -> str:
        """Return the id of the first thing that a list links to. Raises LookupError."""
        found = re.search(_HREF.format(path), self.get(path))
        if found is None:
            raise LookupError(f"{path} lists nothing")
        return found[1]

    def measure(self, page: str, ids: Mapping[str, str], *, times: int) -> Measured:
        """Open a page many times."""
        path = filled_in(page, ids)
        answers = [self._open(path) for _ in range(WARM_UP + times)]
        took = [answer.elapsed.total_seconds() * 1000 for answer in answers[WARM_UP:]]
        return Measured(page, len(answers[-1].content), tuple(took))


async def ordered() -> tuple[Customer, dict[str, str]]:
    """Return a customer with a delivered, a returned and a declined order, and the pages' ids."""
    async with httpx.AsyncClient(base_url=SHOP, timeout=30) as http:
        customer = await register(http)
        product = (await orders.well_stocked(customer))[0]["id"]
        order = await customer.order({product: 2}, orders.STRIPE | {"token": "pm_card_visa"})
        await customer.settled(order["id"], seconds=60)
        address = await ask(http, "POST", "/v1/users/me/addresses", body=ADDRESS)
        returned = await ask(
            http,
            "POST",
            f"/v1/orders/{order['id']}/returns",
            body={"items": [{"product_id": product, "quantity": 1}], "reason": "other"},
            headers={"Idempotency-Key": order["id"]},
        )
        return customer, {
            "product_id": product,
            "order_id": order["id"],
            "declined": await _declined(customer, product),
            "address_id": address["id"],
            "return_id": returned["id"],
        }


async def _declined(customer: Customer, product: str) -> str:
    """Return the id of an order whose card was declined. Raises TimeoutError."""
    card = orders.STRIPE | {"token": "pm_card_chargeDeclined"}
    order = await customer.order({product: 1}, card)
    async with asyncio.timeout(60):
        while not (await ask(customer.http, "GET", f"/v1/orders/{order['id']}"))["payment_failure"]:
            await asyncio.sleep(0.1)
    return str(order["id"])


def pages(customer: Customer, ids: dict[str, str], *, times: int) -> Iterator[Measured]:
    """Measure every page: before signing in, as the customer, as staff."""
    email, password = STAFF_LOGIN.split(" / ")
    with httpx.Client(base_url=STOREFRONT, follow_redirects=True, timeout=60) as http:
        visitor = Browser(http)
        for page in SIGNED_OUT:
            yield visitor.measure(page, ids, times=times)
        visitor.sign_in(customer.email, PASSWORD)
        visitor.add_to_basket(ids["product_id"])
        for page in CUSTOMER:
            if page not in SIGNED_OUT:
                of = {"order_id": ids["declined"]} if page == AFTER_A_DECLINE else {}
                yield visitor.measure(page, ids | of, times=times)
    with httpx.Client(base_url=STOREFRONT, follow_redirects=True, timeout=60) as http:
        staff = Browser(http)
        staff.sign_in(email, password)
        for name, path in (("shipment_id", "/staff/shipments"), ("message_id", "/staff/messages")):
            ids[name] = staff.first_of(path)
        ids["user_id"] = staff.first_of("/staff/users")
        for page in STAFF:
            yield staff.measure(page, ids, times=times)


def main() -> None:
    """Print the table; end with 1 where a page misses the goal."""
    parser = argparse.ArgumentParser(prog="make bench-storefront", description=__doc__)
    parser.add_argument("--times", type=int, default=100, help="how often each page is opened")
    times = parser.parse_args().times
    say(f"Load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n")
    customer, ids = asyncio.run(ordered())
    say("| page | HTML | p50 | p99 |\n|---|---|---|---|")
    late = []
    for measured in pages(customer, ids, times=times):
        say(str(measured))
        if measured.p50 > GOAL_MS:
            late.append(measured.page)
    if late:
        sys.exit(f"p50 over {GOAL_MS:.0f} ms: {', '.join(late)}")


if __name__ == "__main__":
    main()
