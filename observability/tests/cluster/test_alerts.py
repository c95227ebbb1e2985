"""A fault fires its alert within its time, in Slack and by mail, and the alert resolves."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from shop_journey import orders
from shop_journey.customer import SHOP, Customer

ALERT = "PaymentProviderFailing"
PAYPAL = {"provider": "paypal", "method": "paypal", "currency": "USD"}
# Two minutes of `for`, two rounds of scraping and evaluating, ten seconds of grouping.
FIRES_WITHIN = 120 + 4 * 15 + 10 + 30
RESOLVES_WITHIN = 300


async def messages(mailbox: httpx.AsyncClient, channel: str) -> list[str]:
    """Return the subjects of what arrived about the alert, newest first."""
    found = await mailbox.get("/messages", params={"channel": channel})
    return [m["subject"] for m in found.raise_for_status().json()["items"] if ALERT in m["subject"]]


async def arrived(mailbox: httpx.AsyncClient, *, state: str, seconds: float) -> None:
    """Wait until Slack and the mail's recipient were both told."""
    deadline = time.monotonic() + seconds
    told: dict[str, list[str]] = {}
    while not all(any(s.startswith(state) for s in told.get(c, ())) for c in ("slack", "email")):
        assert time.monotonic() < deadline, told
        told = {channel: await messages(mailbox, channel) for channel in ("slack", "email")}
        await asyncio.sleep(1)


@contextmanager
def failing_provider() -> Iterator[None]:
    """Have PayPal's calls fail meanwhile."""
    with httpx.Client(base_url=SHOP, timeout=20) as http:
        fault = {"fault": "error", "times": 10_000}
        http.post("/simulator/faults/paypal", json=fault).raise_for_status()
        try:
            yield
        finally:
            http.delete("/simulator/faults").raise_for_status()


async def test_a_provider_that_fails_calls_a_person_and_lets_him_sleep_again(
    customer: Customer, mailbox: httpx.AsyncClient
) -> None:
    (await mailbox.delete("/messages")).raise_for_status()
    product = (await orders.well_stocked(customer))[0]
    with failing_provider():
        for _ in range(8):
            await customer.order({product["id"]: 1}, PAYPAL)
        await arrived(mailbox, state="firing", seconds=FIRES_WITHIN)
    await arrived(mailbox, state="resolved", seconds=RESOLVES_WITHIN)
    found = (await mailbox.get("/messages", params={"channel": "slack"})).json()["items"]
    body = next(m["body"] for m in found if ALERT in m["subject"])
    assert "calls to paypal fail" in body
    assert f"docs/runbooks/{ALERT}.md" in body
