"""A fault fires its alert within its time, in Slack and by mail, and the alert resolves."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from uuid import uuid4

import httpx
from shop_journey import orders
from shop_journey.customer import SHOP, Customer
from shop_journey.kubectl import Kubectl
from shop_journey.up import wait_until_ready

from chaos.faults import CONNECT, without
from e2e.chromium import Chromium, visitor

from .places import PAGES, PICTURES
from .test_metrics import answer

LINK = re.compile(r"^(Dashboard|Log lines|Query|Runbook)[^:]*: (http\S+)$", re.MULTILINE)
ALERT = "PaymentProviderFailing"
PAYPAL = {"provider": "paypal", "method": "paypal", "currency": "USD"}
# Ten seconds of `for`, two rounds of scraping and evaluating, ten seconds of grouping, on a busy
# machine.
FIRES_WITHIN = 10 + 4 * 15 + 10 + 120
RESOLVES_WITHIN = 300
# An alert without `for`: two rounds and grouping.
TOLD_WITHIN = 4 * 15 + 10 + 30


async def messages(mailbox: httpx.AsyncClient, channel: str, alert: str) -> list[str]:
    """Return the subjects of what arrived about an alert, newest first."""
    found = await mailbox.get("/messages", params={"channel": channel})
    return [m["subject"] for m in found.raise_for_status().json()["items"] if alert in m["subject"]]


async def arrived(
    mailbox: httpx.AsyncClient,
    *,
    state: str,
    seconds: float,
    alert: str,
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


@asynccontextmanager
async def sooner(kubectl: Kubectl, **alerts: str) -> AsyncIterator[None]:
    """Have alerts, each of a PrometheusRule, fire after seconds instead of minutes meanwhile.

    Their expressions are the operator's or the layer's; promtool tests how long each waits
    (rule_cases).
    """
    rules = []
    for alert, origin in alerts.items():
        namespace, name = origin.split("/")
        made = await kubectl.get("prometheusrule", name, f"-n={namespace}")
        named = [r for g in made["spec"]["groups"] for r in g["rules"] if r.get("alert") == alert]
        assert named, made
        rules += [rule | {"for": "10s"} for rule in named]
    copy = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "sooner", "namespace": "shop", "labels": {"release": "prometheus"}},
        "spec": {"groups": [{"name": "sooner", "rules": rules}]},
    }
    await kubectl.apply(copy)
    try:
        yield
    finally:
        await kubectl("delete", "prometheusrule", "sooner", "-n=shop")


@asynccontextmanager
async def no_pod_of(kubectl: Kubectl, service: str) -> AsyncIterator[None]:
    """Have no pod of a service meanwhile, while the operator leaves it alone."""

    async def managed(policy: str | None) -> None:
        patch = json.dumps({"spec": {"managementPolicy": policy}})
        await kubectl("patch", "shopservice", service, "-n=shop", "--type=merge", "-p", patch)

    await managed("Paused")
    try:
        await kubectl("scale", "-n=shop", f"deployment/{service}", "--replicas=0")
        yield
    finally:
        await managed(None)


def links(body: str) -> dict[str, str]:
    """Return where a message leads: Dashboard, Log lines, Query, Runbook."""
    return dict(LINK.findall(body))


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


async def breaker_opened(prometheus: httpx.AsyncClient) -> None:
    """Wait until Prometheus has seen that payment's breaker towards PayPal is open."""
    async with asyncio.timeout(FIRES_WITHIN):
        while not await answer(prometheus, 'min(payment_breaker_closed{provider="paypal"}) == 0'):
            await asyncio.sleep(1)


async def test_what_fails_calls_a_person_and_lets_him_sleep_again(
    layer: Kubectl,
    customer: Customer,
    mailbox: httpx.AsyncClient,
    prometheus: httpx.AsyncClient,
    browser: Chromium,
) -> None:
    (await mailbox.delete("/messages")).raise_for_status()
    product = (await orders.well_stocked(customer))[0]
    traces = {uuid4().hex for _ in range(8)}
    # A provider fails, nobody captures events, and a consumer of them is dead.
    faults = (ALERT, "OutboxNotCaptured", "ServiceDown")

    async def all_arrived(state: str, seconds: float) -> None:
        async with asyncio.TaskGroup() as tasks:
            for alert in faults:
                tasks.create_task(arrived(mailbox, state=state, seconds=seconds, alert=alert))

    async with sooner(
        layer,
        PaymentProviderFailing="monitoring/minishop",
        OutboxNotCaptured="shop/order",
        ServiceDown="shop/notification",
    ):
        with failing_provider():
            for trace in traces:
                await customer.order({product["id"]: 1}, PAYPAL, trace=trace)
            await breaker_opened(prometheus)
            async with without(layer, CONNECT), no_pod_of(layer, "notification"):
                await all_arrived("firing", FIRES_WITHIN)
                found = (await mailbox.get("/messages", params={"channel": "slack"})).json()
                body = next(m["body"] for m in found["items"] if ALERT in m["subject"])
                assert "calls to paypal fail" in body
                assert f"docs/runbooks/{ALERT}.md" in body
                await walk(browser, body, traces)
        await wait_until_ready(layer, print)
        await all_arrived("resolved", RESOLVES_WITHIN)


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
