"""Customers of the storefront in real Chromium: each provider, whatever becomes of the payment."""

import asyncio
import re

import pytest
from playwright.async_api import Page
from shop_journey.kubectl import Kubectl

from e2e.chromium import Chromium, look, order, press, sign_up, visitor, wait_for
from e2e.products import Products
from store_access import from_cluster

WAYS = [
    ("test card whose bank asks first", "USD"),
    ("PayPal", "USD"),
    ("Xendit, Invoice", "IDR"),
    ("Midtrans, GoPay", "IDR"),
]
each_provider = pytest.mark.parametrize(("way", "currency"), WAYS)
with_scripts_and_without = pytest.mark.parametrize(
    "javascript", [True, False], ids=["scripts", "no scripts"]
)


@with_scripts_and_without
@each_provider
async def test_an_order_is_paid_at_its_provider_and_delivered(
    browser: Chromium, products: Products, way: str, currency: str, *, javascript: bool
) -> None:
    product = await products.make()
    async with visitor(browser, javascript=javascript) as page:
        await sign_up(page)
        path = await order(page, product, way, currency=currency)
        await press(page, path, "Pay", javascript=javascript)
        await wait_for(page, path, "Delivered", javascript=javascript)
        assert re.search(r"MS-[0-9A-Z]{4}-[0-9A-Z]{4}", await page.inner_text("h1"))


@with_scripts_and_without
@pytest.mark.parametrize(
    ("way", "other_way", "currency"),
    [
        ("test card that is declined", "PayPal", "USD"),
        ("PayPal", "test card that pays", "USD"),
        ("Xendit, Invoice", "Midtrans, GoPay", "IDR"),
        ("Midtrans, GoPay", "Xendit, Invoice", "IDR"),
    ],
)
async def test_after_a_decline_it_is_paid_another_way(  # noqa: PLR0913 - what a case has, by name
    browser: Chromium,
    products: Products,
    way: str,
    other_way: str,
    currency: str,
    *,
    javascript: bool,
) -> None:
    product = await products.make()
    async with visitor(browser, javascript=javascript) as page:
        await sign_up(page)
        path = await order(page, product, way, currency=currency)
        if "declined" not in way:
            await press(page, path, "Decline", javascript=javascript)
        await wait_for(page, path, "Pay another way", javascript=javascript)
        await page.get_by_role("link", name="Pay another way").click()
        if javascript:
            await look(page, "orders-order_id-payment")
        await page.get_by_role("radio", name=other_way).check()
        await page.get_by_role("button", name="Pay").click()
        await page.wait_for_url(f"**{path}")
        if "that pays" not in other_way:
            await press(page, path, "Pay", javascript=javascript)
        await wait_for(page, path, "Delivered", javascript=javascript)


@with_scripts_and_without
@each_provider
async def test_a_payment_that_is_abandoned_waits_until_its_time_is_over(  # noqa: PLR0913
    kubectl: Kubectl,
    browser: Chromium,
    products: Products,
    way: str,
    currency: str,
    *,
    javascript: bool,
) -> None:
    product = await products.make(stock=4)
    async with visitor(browser, javascript=javascript) as page:
        await sign_up(page)
        path = await order(page, product, way, currency=currency)
        await _leave_the_provider_s_page(page, path, javascript=javascript)
        await page.goto(path)
        assert await page.get_by_role("link", name="Pay now").count() == 1
        await _let_its_time_pass(kubectl, path)
        await wait_for(page, path, "Not paid in time", javascript=javascript)
        assert await page.get_by_role("link", name="Pay now").count() == 0
        assert await page.get_by_role("button", name="Cancel the order").count() == 0
        await _until_in_stock(page, product, "Only 4 left")


@with_scripts_and_without
@each_provider
async def test_an_order_that_waits_for_its_payment_is_cancelled(
    browser: Chromium, products: Products, way: str, currency: str, *, javascript: bool
) -> None:
    product = await products.make(stock=4)
    async with visitor(browser, javascript=javascript) as page:
        await sign_up(page)
        path = await order(page, product, way, currency=currency)
        await _leave_the_provider_s_page(page, path, javascript=javascript)
        await page.goto(path)
        await page.get_by_role("button", name="Cancel the order").click()
        await page.get_by_text("The order is cancelled.").wait_for()
        await page.get_by_text("Cancelled by the customer").first.wait_for()
        assert await page.get_by_role("link", name="Pay now").count() == 0
        await _until_in_stock(page, product, "Only 4 left")


async def _leave_the_provider_s_page(page: Page, path: str, *, javascript: bool) -> None:
    """Go to the page where the payment waits, and do nothing there."""
    await wait_for(page, path, "Pay now", javascript=javascript)
    await page.get_by_role("link", name="Pay now").click()
    await page.get_by_role("button", name="Pay").wait_for()


async def _let_its_time_pass(kubectl: Kubectl, path: str) -> None:
    """Have the quarter of an hour that an order may wait for its payment be over."""
    order_id = path.removeprefix("/orders/")
    async with from_cluster(kubectl.kubeconfig) as stores:
        changed = await stores.rows(
            "order", f"UPDATE orders SET deadline = now() WHERE id = '{order_id}' RETURNING status"
        )
    assert [each["status"] for each in changed] == ["reserved"]


async def _until_in_stock(page: Page, product: str, text: str) -> None:
    """Wait until a product's page tells the stock: what was held is let go by an event."""
    for _ in range(60):
        await page.goto(f"/products/{product}")
        if await page.get_by_text(text).count():
            return
        await page.wait_for_timeout(500)
    raise AssertionError(await page.inner_text("main"))


async def test_of_two_browsers_one_buys_the_last_unit(
    browser: Chromium, products: Products
) -> None:
    product = await products.make(stock=1)
    async with visitor(browser) as one, visitor(browser) as other:
        for page in (one, other):
            await sign_up(page)
            # Who comes too late may be refused before there is an order, whose page never comes.
            page.set_default_timeout(20_000)
        paths = await asyncio.gather(
            *(order(page, product, "test card that pays") for page in (one, other)),
            return_exceptions=True,
        )
        placed = [path for path in paths if isinstance(path, str)]
        assert placed, paths
        ended = await asyncio.gather(
            *(
                _ended(one if i == 0 else other, path)
                for i, path in enumerate(paths)
                if isinstance(path, str)
            )
        )
        assert ended.count("Delivered") == 1


async def _ended(page: Page, path: str) -> str:
    for _ in range(120):
        await page.goto(path)
        state = await page.locator(".state strong").inner_text()
        if state in {"Delivered", "Could not be accepted", "Cancelled"}:
            return state
        await page.wait_for_timeout(500)
    raise AssertionError(await page.inner_text("main"))
