"""People in real browsers: Debian's Chromium, by Playwright."""

import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright
from shop_servers.packages import debian

from storefront_pages import MAX_BYTES

PASSWORD = "correct horse battery"
PICTURES = Path(__file__).resolve().parents[2] / ".artefacts" / "storefront"
"""Where a run leaves its pictures of the pages."""
_DESKTOP, _TELEPHONE = (1100, 800), (320, 640)
_ALL: dict[str, object] = {"resultTypes": ["violations"]}
_COLOURS = {**_ALL, "runOnly": ["color-contrast"]}
_WEIGHT = """() => performance.getEntriesByType('navigation')
  .concat(performance.getEntriesByType('resource').filter(e => /\\.(css|js)\\b/.test(e.name)))
  .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""
"""Bytes of the document, its style and its scripts, whether they came or were kept."""


@dataclass(frozen=True)
class Chromium:
    """A browser, and the storefront that it opens."""

    browser: Browser
    storefront: str


@asynccontextmanager
async def chromium(storefront: str) -> AsyncIterator[Chromium]:
    """Start the browser."""
    program = shutil.which("chromium") or str(await debian("chromium", "chromium"))
    async with async_playwright() as playwright:
        # The sandbox wants user namespaces, which a machine's root does not have.
        browser = await playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"], timeout=60_000
        )
        try:
            yield Chromium(browser, storefront)
        finally:
            await browser.close()


@asynccontextmanager
async def visitor(chromium: Chromium, *, javascript: bool = True) -> AsyncIterator[Page]:
    """Open a browser window of somebody whom the shop does not know.

    Fails at the end where a page logged an error other than an answer's status.
    """
    context = await chromium.browser.new_context(
        java_script_enabled=javascript, base_url=chromium.storefront
    )
    context.set_default_timeout(60_000)
    page = await context.new_page()
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        ours = message.location.get("url", "").startswith(chromium.storefront)
        # A pod that comes or goes on this machine changes its network, and Chromium says so.
        ours &= "status of" not in message.text and "ERR_NETWORK_CHANGED" not in message.text
        if message.type == "error" and ours:
            errors.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield page
    finally:
        await context.close()
    assert not errors, errors


async def sign_up(page: Page) -> str:
    """Open an account and return its e-mail address."""
    email = f"ada-{secrets.token_hex(6)}@example.com"
    await page.goto("/sign-up")
    await page.get_by_label("Name").fill("Ada Lovelace")
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Create the account").click()
    await page.wait_for_url("**/account/verify")
    return email


async def sign_in_as_staff(page: Page) -> None:
    """Sign in as the administrator of manifests/shop/user.yaml."""
    await page.goto("/sign-in?next=/staff")
    await page.get_by_label("E-mail address").fill("admin@minishop.dev")
    await page.get_by_label("Password").fill("development-only")
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/staff")


async def order(page: Page, product: str, way: str, *, currency: str = "USD") -> str:
    """Order one unit of a product; return the order's path. `way` is a payment method's label."""
    await fill_checkout(page, product, way, currency=currency)
    await page.get_by_role("button", name="Order and pay").click()
    await page.wait_for_url("**/orders/*-*")
    return urlsplit(page.url).path


async def fill_checkout(page: Page, product: str, way: str, *, currency: str = "USD") -> None:
    """Put a product in the basket, and say at the checkout where it goes and how it is paid."""
    await page.goto(f"/products/{product}")
    await page.get_by_label("Currency").select_option(currency)
    await page.get_by_role("button", name="Choose").click()
    await page.get_by_role("button", name="Add to basket").click()
    await page.goto("/checkout")
    book = page.get_by_role("radio", name="St James")
    if await book.count() == 0:
        await page.get_by_label("Street and number").fill("12 St James's Square")
        await page.get_by_label("City").fill("London")
        await page.get_by_label("Postal code").fill("SW1Y 4JH")
        await page.get_by_label("Country").select_option("GB")
    await page.get_by_role("radio", name=way).check()


async def press(page: Page, path: str, button: str, *, javascript: bool) -> None:
    """Go to an order's payment page, press a button there, and come back to the order."""
    await wait_for(page, path, "Pay now", javascript=javascript)
    await page.get_by_role("link", name="Pay now").click()
    await page.get_by_role("button", name=button).click()
    await page.get_by_role("link", name="Back to the shop").click()
    await page.wait_for_url(f"**{path}")


async def wait_for(page: Page, path: str, text: str, *, javascript: bool) -> None:
    """Wait until an order's page says a text: by itself, or each time it is opened anew."""
    if javascript:
        await page.locator("#progress").get_by_text(text).first.wait_for()
        return
    for _ in range(120):
        await page.goto(path)
        if await page.locator("#progress").get_by_text(text).count():
            return
        await page.wait_for_timeout(500)
    raise AssertionError(f"{path} never said {text!r}: {await page.inner_text('main')}")


async def look(page: Page, name: str) -> None:
    """Take a picture of a page; fail where it is not what every page has to be.

    axe finds nothing, by day and by night; it is not wider than 320 px; with its style and its
    script it weighs no more than 50 KiB.
    """
    await require_accessible(page, name)
    weight = await page.evaluate(_WEIGHT)
    assert 0 < weight <= MAX_BYTES, f"{name} weighs {weight} bytes"
    await page.set_viewport_size({"width": _TELEPHONE[0], "height": _TELEPHONE[1]})
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= _TELEPHONE[0], f"{name} is {width} px wide"
    await page.set_viewport_size({"width": _DESKTOP[0], "height": _DESKTOP[1]})
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png")


async def require_accessible(page: Page, name: str) -> None:
    """Fail where axe finds anything, by day or by night."""
    schemes: tuple[tuple[Literal["light", "dark"], dict[str, object]], ...] = (
        ("light", _ALL),
        ("dark", _COLOURS),
    )
    for scheme, options in schemes:
        await page.emulate_media(color_scheme=scheme)
        found = (await Axe().run(page, options=options)).response["violations"]
        said = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]
        assert not said, f"{name} ({scheme}): {said}"
    await page.emulate_media(color_scheme="light")
