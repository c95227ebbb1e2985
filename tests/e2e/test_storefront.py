"""The storefront in real Chromium: customers, staff, every page by axe."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Page
from shop_journey.customer import SHOP, ask, sign_in
from shop_journey.golden import STOREFRONT
from shop_journey.kubectl import Kubectl

from e2e.chromium import (
    Chromium,
    chromium,
    look,
    order,
    press,
    sign_in_as_staff,
    sign_up,
    visitor,
    wait_for,
)

PRICES = {
    "price": {"amount": 1250, "currency": "USD"},
    "other_prices": [{"amount": 15000000, "currency": "IDR"}],
}


@pytest.fixture
async def browser(kubectl: Kubectl) -> AsyncIterator[Chromium]:
    async with chromium(STOREFRONT) as browser:
        yield browser


async def make_product(stock: int = 50) -> str:
    """Return the id of a new product, sold in dollars and rupiah."""
    body: dict[str, Any] = {
        "sku": f"E2E-{secrets.token_hex(6)}",
        "name": f"Test mug {secrets.token_hex(3)}",
        "category": "kitchen",
        "initial_stock": stock,
        **PRICES,
    }
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        await sign_in(http, "admin@minishop.dev", "development-only")
        return str((await ask(http, "POST", "/v1/products", body=body))["id"])


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize(
    ("way", "currency"),
    [
        ("test card whose bank asks first", "USD"),
        ("PayPal", "USD"),
        ("Xendit, Invoice", "IDR"),
        ("Midtrans, GoPay", "IDR"),
    ],
)
async def test_an_order_is_paid_at_its_provider_and_delivered(
    browser: Chromium, way: str, currency: str, *, javascript: bool
) -> None:
    product = await make_product()
    async with visitor(browser, javascript=javascript) as page:
        await sign_up(page)
        path = await order(page, product, way, currency=currency)
        await press(page, path, "Pay", javascript=javascript)
        await wait_for(page, path, "Delivered", javascript=javascript)
        assert re.search(r"MS-[0-9A-Z]{4}-[0-9A-Z]{4}", await page.inner_text("h1"))


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
async def test_a_declined_card_is_followed_by_another_way(
    browser: Chromium, *, javascript: bool
) -> None:
    product = await make_product()
    async with visitor(browser, javascript=javascript) as page:
        await sign_up(page)
        path = await order(page, product, "test card that is declined")
        await wait_for(page, path, "Pay another way", javascript=javascript)
        await page.get_by_role("link", name="Pay another way").click()
        if javascript:
            await look(page, "order-payment")
        await page.get_by_role("radio", name="test card that pays").check()
        await page.get_by_role("button", name="Pay").click()
        await page.wait_for_url(f"**{path}")
        await wait_for(page, path, "Delivered", javascript=javascript)


async def test_a_payment_is_abandoned_and_its_order_cancelled(browser: Chromium) -> None:
    product = await make_product()
    async with visitor(browser) as page:
        await sign_up(page)
        path = await order(page, product, "PayPal")
        await wait_for(page, path, "Pay now", javascript=True)
        await page.get_by_role("link", name="Pay now").click()
        await page.get_by_role("button", name="Pay").wait_for()
        await page.goto(path)
        await page.get_by_role("button", name="Cancel the order").click()
        await page.get_by_text("The order is cancelled.").wait_for()


async def test_of_two_browsers_one_buys_the_last_unit(browser: Chromium) -> None:
    product = await make_product(stock=1)
    async with visitor(browser) as one, visitor(browser) as other:
        paths = []
        for page in (one, other):
            await sign_up(page)
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


async def test_a_customer_s_pages_are_accessible(browser: Chromium) -> None:
    product = await make_product()
    async with visitor(browser) as page:
        for path, name in (
            ("/", "catalogue"),
            (f"/products/{product}", "product"),
            ("/basket", "basket-empty"),
            ("/sign-in", "sign-in"),
            ("/sign-up", "sign-up"),
            ("/password/forgotten", "password-forgotten"),
            ("/nowhere", "not-found"),
        ):
            await page.goto(path)
            await look(page, name)
        await sign_up(page)
        await look(page, "verify")
        path = await order(page, product, "test card that pays")
        await wait_for(page, path, "Delivered", javascript=True)
        await look(page, "order")
        await page.goto(f"/products/{product}")
        await page.get_by_role("button", name="Add to basket").click()
        for path in (
            "/basket",
            "/checkout",
            "/orders",
            "/account",
            "/account/addresses",
            "/account/addresses/new",
            "/account/email",
            "/account/password",
            "/account/sessions",
            "/account/messages",
            "/account/delete",
        ):
            await page.goto(path)
            await look(page, path.strip("/").replace("/", "-"))


async def test_a_page_is_used_by_keyboard_alone(browser: Chromium) -> None:
    async with visitor(browser) as page:
        await page.goto("/")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
        await page.get_by_role("searchbox").focus()
        await page.keyboard.type("shirt")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**q=shirt**")
        await page.locator(".products a").first.focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Add to basket").focus()
        await page.keyboard.press("Enter")
        await page.get_by_text("is in your basket").wait_for()


async def test_a_staff_member_s_day(browser: Chromium) -> None:
    product = await make_product(stock=3)
    async with visitor(browser) as customer, visitor(browser) as page:
        await sign_up(customer)
        path = await order(customer, product, "test card that pays")
        await wait_for(customer, path, "Delivered", javascript=True)
        number = (await customer.inner_text("h1")).split()[-1]
        await sign_in_as_staff(page)
        await look(page, "staff-today")
        for name in ("orders", "payments", "products", "stock", "shipments", "messages", "users"):
            await page.goto(f"/staff/{name}")
            await look(page, f"staff-{name}")
        await page.goto("/staff/orders")
        await page.get_by_label("Order number").fill(number)
        await page.get_by_role("main").get_by_role("button", name="Show").click()
        await page.wait_for_url(f"**/staff{path}")
        await look(page, "staff-order")
        await page.get_by_label("Amount").fill("2.50")
        await page.get_by_label("Reason").fill("a scratch")
        await page.get_by_role("button", name="Refund").click()
        await page.get_by_text("The money is on its way back.").wait_for()
        await _until_said(page, f"/staff{path}", "$2.50")
        await page.goto(f"/staff/stock/{product}")
        await look(page, "staff-stock-of-one")
        await page.get_by_label("How many came").fill("5")
        await page.get_by_role("button", name="Book").click()
        await page.get_by_text("The movement is booked.").wait_for()
        await page.goto(f"/staff/products/{product}")
        await look(page, "staff-product")
    async with visitor(browser) as stranger:
        await sign_up(stranger)
        answer = await stranger.goto("/staff")
        assert answer is not None
        assert answer.status == 403


async def _until_said(page: Page, path: str, text: str) -> None:
    for _ in range(60):
        await page.goto(path)
        if await page.get_by_text(text).count():
            return
        await page.wait_for_timeout(500)
    raise AssertionError(await page.inner_text("main"))


async def test_the_api_s_reader_is_whole_without_the_internet(browser: Chromium) -> None:
    async with visitor(browser) as page:
        await page.goto(f"{SHOP}/docs")
        await page.locator(".opblock-tag").first.wait_for()
        assert await page.title() == "Minishop API"
