"""A fault fires its alert within its time, in Slack and by mail, and the alert resolves."""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

import httpx
import pytest
from shop_journey import orders
from shop_journey.customer import SHOP, Customer

from e2e.chromium import Chromium, visitor

from .places import PAGES, PICTURES

LINK = re.compile(r"^(Dashboard|Log lines|Query|Runbook)[^:]*: (http\S+)$", re.MULTILINE)
ALERT = "PaymentProviderFailing"
PAYPAL = {"provider": "paypal", "method": "paypal", "currency": "USD"}
# Two minutes of `for`, two rounds of scraping and evaluating, ten seconds of grouping.
FIRES_WITHIN = 120 + 4 * 15 + 10 + 30
RESOLVES_WITHIN = 300
# An alert without `for`: as above, without the two minutes.
TOLD_WITHIN = FIRES_WITHIN - 120


async def messages(mailbox: httpx.AsyncClient, channel: str, alert: str) -> list[str]:
    """Return the subjects of what arrived about an alert, newest first."""
    found = await mailbox.get("/messages", params={"channel": channel})
    return [m["subject"] for m in found.raise_for_status().json()["items"] if alert in m["subject"]]


async def arrived(
    mailbox: httpx.AsyncClient,
    *,
    state: str,
    seconds: float,
    alert: str = ALERT,
    channels: Sequence[str] = ("slack", "email"),
) -> None:
    """Wait until each of the channels was told, Slack and the mail's recipient where not said."""
    deadline = time.monotonic() + seconds
    told: dict[str, list[str]] = {}
    while not all(any(s.startswith(state) for s in told.get(c, ())) for c in channels):
        assert time.monotonic() < deadline, told
        told = {channel: await messages(mailbox, channel, alert) for channel in channels}
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


def links(body: str) -> dict[str, str]:
    """Return where a message leads: Dashboard, Log lines, Query, Runbook."""
    return dict(
        re.findall(r"^(Dashboard|Log lines|Query|Runbook)[^:]*: (http\S+)$", body, re.MULTILINE)
    )


async def walk(browser: Chromium, body: str, traces: set[str]) -> None:
    """Go from an alert's message to the log line and the trace of an order, as one on call does."""
    where = links(body)
    async with visitor(browser) as page:
        await page.goto(where["Runbook"])
        await page.get_by_role("heading", name=ALERT).wait_for()
        await page.screenshot(path=PICTURES / "walk-runbook.png")
        await page.set_viewport_size({"width": 1400, "height": 1100})
        await page.goto(where["Dashboard"])
        await page.get_by_role("heading", name="Breakers").wait_for()
        await page.locator("canvas").nth(4).wait_for()
        await page.wait_for_load_state("networkidle")
        await page.screenshot(path=PICTURES / "walk-dashboard.png")
        await page.goto(where["Log lines"])
        to_traces = page.locator('a[href*="/zipkin/traces/"]')
        await to_traces.first.wait_for()
        addresses = await to_traces.evaluate_all("all => all.map(each => each.href)")
        ours = [address for address in addresses if address.rpartition("/")[2] in traces]
        assert ours, addresses
        await page.screenshot(path=PICTURES / "walk-log-lines.png")
        await page.goto(ours[0])
        await page.get_by_text("payment").first.wait_for()
        await page.screenshot(path=PICTURES / "walk-trace.png")


async def test_a_provider_that_fails_calls_a_person_and_lets_him_sleep_again(
    customer: Customer, mailbox: httpx.AsyncClient, browser: Chromium
) -> None:
    (await mailbox.delete("/messages")).raise_for_status()
    product = (await orders.well_stocked(customer))[0]
    traces = {uuid4().hex for _ in range(8)}
    with failing_provider():
        for trace in traces:
            await customer.order({product["id"]: 1}, PAYPAL, trace=trace)
        await arrived(mailbox, state="firing", seconds=FIRES_WITHIN)
        found = (await mailbox.get("/messages", params={"channel": "slack"})).json()["items"]
        body = next(m["body"] for m in found if ALERT in m["subject"])
        assert "calls to paypal fail" in body
        assert f"docs/runbooks/{ALERT}.md" in body
        await walk(browser, body, traces)
    await arrived(mailbox, state="resolved", seconds=RESOLVES_WITHIN)


@pytest.mark.short
async def test_forged_webhooks_are_told_by_mail(
    customer: Customer, mailbox: httpx.AsyncClient
) -> None:
    (await mailbox.delete("/messages")).raise_for_status()
    async with asyncio.timeout(TOLD_WITHIN), asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(
            arrived(
                mailbox,
                state="firing",
                seconds=TOLD_WITHIN,
                alert="WebhooksRefused",
                channels=("email",),
            )
        )
        while not telling.done():
            # More than five within a quarter of an hour, whatever was counted before.
            forged = {"stripe-signature": "t=1,v1=00"}
            answer = await customer.http.post("/v1/webhooks/stripe", json={}, headers=forged)
            assert answer.status_code == 400, answer.text
            await asyncio.sleep(2)
    found = (await mailbox.get("/messages", params={"channel": "email"})).json()["items"]
    body = next(m["body"] for m in found if "WebhooksRefused" in m["subject"])
    assert "webhooks of stripe are refused as forged" in body
    assert links(body)["Runbook"] == f"{PAGES}/runbooks/WebhooksRefused"
