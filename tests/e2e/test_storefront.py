"""Customers of the storefront in real Chromium, each of their pages by axe."""

import asyncio
import re

import pytest
from playwright.async_api import Page
from shop_journey.customer import SHOP

from e2e.chromium import (
    Chromium,
    look,
    order,
    press,
    sign_up,
    visitor,
    wait_for,
)
from e2e.products import make_product


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
@pytest.mark.parametrize(
    ("way", "other_way", "currency"),
    [
        ("test card that is declined", "PayPal", "USD"),
        ("PayPal", "test card that pays", "USD"),
        ("Xendit, Invoice", "Midtrans, GoPay", "IDR"),
        ("Midtrans, GoPay", "Xendit, Invoice", "IDR"),
    ],
)
async def test_after_a_decline_it_is_paid_another_way(
    browser: Chromium, way: str, other_way: str, currency: str, *, javascript: bool
) -> None:
    product = await make_product()
    async with visitor(browser, javascript=javascript) as page:
        await sign_up(page)
        path = await order(page, product, way, currency=currency)
        if "declined" not in way:
            await press(page, path, "Decline", javascript=javascript)
        await wait_for(page, path, "Pay another way", javascript=javascript)
        await page.get_by_role("link", name="Pay another way").click()
        if javascript:
            await look(page, "order-payment")
        await page.get_by_role("radio", name=other_way).check()
        await page.get_by_role("button", name="Pay").click()
        await page.wait_for_url(f"**{path}")
        if "that pays" not in other_way:
            await press(page, path, "Pay", javascript=javascript)
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
        await page.get_by_role("link", name="Send something back").click()
        await look(page, "order-return")
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


async def test_the_api_s_reader_is_whole_without_the_internet(browser: Chromium) -> None:
    async with visitor(browser) as page:
        await page.goto(f"{SHOP}/docs")
        await page.locator(".opblock-tag").first.wait_for()
        assert await page.title() == "Minishop API"
