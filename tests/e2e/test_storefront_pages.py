"""Every page of a customer in real Chromium: axe, 320 px, its weight, keyboard, two languages."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from playwright.async_api import Page, Route
from shop_journey.customer import SHOP

from e2e.chromium import (
    PICTURES,
    Chromium,
    fill_checkout,
    look,
    order,
    require_accessible,
    sign_up,
    visitor,
    wait_for,
)
from e2e.products import Products
from storefront_pages import CUSTOMER, file_name, filled_in, page_of

CARD = "test card that pays"
FOR_STRANGERS = (
    "/",
    "/products/{product_id}",
    "/basket",
    "/sign-in",
    "/sign-up",
    "/password/forgotten",
)
AFTER_A_DECLINE = "/orders/{order_id}/payment"
REFUSED_FORMS = (
    ("/account", "Save"),
    ("/account/password", "Change the password"),
    ("/account/email", "Send the code"),
    ("/account/addresses/new", "Save"),
    ("/account/verify", "Verify"),
    ("/checkout", "Order and pay"),
)


async def test_every_page_of_a_customer_is_accessible_and_small(
    browser: Chromium, products: Products
) -> None:
    product = await products.make()
    known = {"product_id": product}
    seen: set[str | None] = set()

    async def open_and_look(page: Page, templates: Sequence[str], suffix: str = "") -> None:
        for template in templates:
            await page.goto(filled_in(template, known))
            shown = page_of(urlsplit(page.url).path)
            assert shown == template, f"{template} led to {page.url}"
            await look(page, file_name(template) + suffix)
            seen.add(template)

    async with visitor(browser) as page:
        await open_and_look(page, FOR_STRANGERS)
        await page.goto("/nowhere")
        await look(page, "not-found")
        await page.goto("/?q=nothing-is-called-so")
        await look(page, "nothing-found")
        await sign_up(page)
        known["order_id"] = (await order(page, product, CARD)).removeprefix("/orders/")
        await wait_for(page, f"/orders/{known['order_id']}", "Delivered", javascript=True)
        await page.goto(f"/products/{product}")
        await page.get_by_role("button", name="Add to basket").click()
        await page.goto("/account/addresses")
        link = page.locator('main ul a[href^="/account/addresses/"]').first
        known["address_id"] = (await link.get_attribute("href") or "").rpartition("/")[2]
        rest = [each for each in CUSTOMER if each not in seen | {AFTER_A_DECLINE}]
        await open_and_look(page, rest)
        await open_and_look(page, ["/basket"], "-filled")
        # Looked at after a decline, in test_storefront.py.
        assert {*CUSTOMER} - seen == {AFTER_A_DECLINE}
        await page.get_by_label("Language").select_option("id")
        await page.get_by_role("button", name="Choose").click()
        await page.get_by_text("Keranjang").first.wait_for()
        signed_in = [
            each for each in CUSTOMER if each not in ("/sign-in", "/sign-up", AFTER_A_DECLINE)
        ]
        await open_and_look(page, signed_in, "-id")


async def test_a_form_that_is_refused_is_accessible(browser: Chromium, products: Products) -> None:
    product = await products.make()
    async with visitor(browser) as page:
        for path, button in (
            ("/sign-in", "Sign in"),
            ("/sign-up", "Create the account"),
            ("/password/forgotten", "Send the code"),
        ):
            await _send_empty(page, path, button)
        await page.goto("/password/forgotten")
        await page.get_by_label("E-mail address").fill("nobody@example.com")
        await page.get_by_role("button", name="Send the code").click()
        await page.get_by_label("New password").wait_for()
        await look(page, "password-reset")
        await _send_empty(page, None, "Set the password")
        await sign_up(page)
        await page.goto(f"/products/{product}")
        await page.get_by_role("button", name="Add to basket").click()
        for path, button in REFUSED_FORMS:
            await _send_empty(page, path, button)


async def _send_empty(page: Page, path: str | None, button: str) -> None:
    """Send a form with nothing in it, past the browser's own checks, and look at the answer."""
    if path is not None:
        await page.goto(path)
    form = (
        page.get_by_role("main").locator("form", has=page.get_by_role("button", name=button)).first
    )
    await form.evaluate(
        "form => { form.noValidate = true;"
        " form.querySelectorAll('input:not([type=hidden])').forEach(field => {"
        " if (field.type == 'radio') field.checked = false; else field.value = ''; }); }"
    )
    async with page.expect_navigation() as answer:
        await form.get_by_role("button", name=button).click()
    response = await answer.value
    assert response is not None
    assert response.status == 422, f"{path}: {response.status}"
    assert await page.get_by_role("alert").count() == 1
    await look(page, f"{file_name(path or '/password/reset')}-refused")


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


async def test_no_other_site_frames_a_page(browser: Chromium) -> None:
    context = await browser.browser.new_context()
    try:
        page = await context.new_page()
        framing = f'<!doctype html><iframe src="{browser.storefront}/sign-in"></iframe>'
        await page.route(
            "http://evil.example/",
            lambda route: route.fulfill(body=framing, content_type="text/html"),
        )
        await page.goto("http://evil.example/")
        frame = page.frames[1]
        await page.wait_for_function("document.querySelector('iframe').contentDocument === null")
        assert frame.url.startswith("chrome-error:"), frame.url
        assert await frame.get_by_label("Password").count() == 0
    finally:
        await context.close()


async def test_what_somebody_wrote_never_runs(browser: Chromium, products: Products) -> None:
    script = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    product = await products.make(name=f"Mug {script}", description=script, brand=script[:60])
    async with visitor(browser) as page:  # fails where the policy had to refuse a script
        ran: list[str] = []
        page.on("dialog", lambda dialog: ran.append(dialog.message))
        await sign_up(page)
        path = await order(page, product, CARD)
        await wait_for(page, path, "Delivered", javascript=True)  # put in by our own script
        for each in ("/", f"/products/{product}", "/basket", "/orders", path):
            await page.goto(each)
        assert await page.locator("#progress img").count() == 0
        assert await page.get_by_text(script).count()
        assert ran == []


async def test_who_is_on_a_link_stays_on_it_as_the_order_goes_on(
    browser: Chromium, products: Products
) -> None:
    product = await products.make()
    async with visitor(browser) as page:
        await sign_up(page)
        path = await order(page, product, "PayPal")
        await wait_for(page, path, "Pay now", javascript=True)
        await page.locator("#progress").get_by_role("link", name="Test mug").focus()
        other = await page.context.new_page()
        await other.goto(path)
        await other.get_by_role("button", name="Cancel the order").click()
        await wait_for(page, path, "Cancelled", javascript=True)
        focused = await page.evaluate("document.activeElement.getAttribute('href')")
        assert focused == f"/products/{product}"


async def test_the_api_s_reader_is_whole_without_the_internet(browser: Chromium) -> None:
    async with visitor(browser) as page:
        await page.goto(f"{SHOP}/docs")
        await page.locator(".opblock-tag").first.wait_for()
        assert await page.title() == "Minishop API"
        await require_accessible(page, "api-docs")
        await page.locator(".opblock-tag button").first.click()
        await page.locator(".opblock-summary-control").first.wait_for()
        await require_accessible(page, "api-docs-open")
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURES / "api-docs.png")


async def test_a_form_that_was_stopped_can_be_sent_again(
    browser: Chromium, products: Products
) -> None:
    product = await products.make()
    async with visitor(browser) as page:
        await page.clock.install()
        await sign_up(page)
        await fill_checkout(page, product, CARD)
        sent: list[str | None] = []

        async def stop(route: Route) -> None:
            sent.append(route.request.post_data)
            await route.abort("aborted")  # as by the browser's own button: the page stays

        await page.route("**/checkout", stop)
        for wait in (0, 10_000):
            await page.clock.fast_forward(wait)
            async with page.expect_request("**/checkout"):
                await page.get_by_role("button", name="Order and pay").click()
            await page.get_by_role("button", name="Order and pay").click()
        assert sent == sent[:1] * 2
