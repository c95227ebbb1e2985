"""The shop's staff in real Chromium: a day, a return, and every page of theirs by axe."""

import io
import re

from PIL import Image
from playwright.async_api import Page

from e2e.chromium import Chromium, look, order, sign_in_as_staff, sign_up, visitor, wait_for
from e2e.products import Products
from storefront_pages import STAFF, file_name, filled_in

CARD = "test card that pays"


async def test_a_staff_member_s_day(browser: Chromium, products: Products) -> None:
    product = await products.make(stock=3, low_stock_threshold=5)
    async with visitor(browser) as customer, visitor(browser) as page:
        email = await sign_up(customer)
        path = await order(customer, product, CARD)
        await wait_for(customer, path, "Delivered", javascript=True)
        number = (await customer.inner_text("h1")).split()[-1]
        await sign_in_as_staff(page)
        await page.get_by_role("heading", name="The last 24 hours").wait_for()
        assert await page.locator(f'main a[href="/staff/stock/{product}"]').count() == 1
        assert await page.locator("svg.plot rect").count() >= 24
        await _refund_a_part(page, number, path)
        await _until_said(page, f"/staff{path}", r"\$2\.50")
        await _until_said(customer, path, r"Refunded: \$2\.50")
        await _restock_and_change(page, product)
        await page.goto(f"/products/{product}")
        await page.get_by_text("$11.00").wait_for()
        await page.goto(f"/staff{path}")
        await page.locator('main a[href^="/staff/shipments/"]').click()
        await page.get_by_text("Handed to the carrier").first.wait_for()
        await page.goto(f"/staff{path}")
        await page.locator('main a[href^="/staff/messages/"]').first.click()
        await page.get_by_text(number).first.wait_for()
        await page.goto("/staff/users")
        await page.get_by_label("E-mail address").fill(email)
        await page.get_by_role("main").get_by_role("button", name="Show").click()
        await page.get_by_role("link", name="Ada Lovelace").click()
        await page.get_by_role("button", name="Suspend the user").click()
        await page.get_by_text("The user is suspended.").wait_for()
        await customer.goto("/account")
        await customer.wait_for_url("**/sign-in**")
        await page.get_by_role("button", name="Reinstate the user").click()
        await page.get_by_text("The user may sign in again.").wait_for()


async def _refund_a_part(page: Page, number: str, path: str) -> None:
    await page.goto("/staff/orders")
    await page.get_by_label("Order number").fill(number)
    await page.get_by_role("main").get_by_role("button", name="Show").click()
    await page.wait_for_url(f"**/staff{path}")
    await page.get_by_label("Amount").fill("2.50")
    await page.get_by_label("Reason").fill("a scratch")
    await page.get_by_role("button", name="Refund").click()
    await page.get_by_text("The money is on its way back.").wait_for()


async def _restock_and_change(page: Page, product: str) -> None:
    await page.goto(f"/staff/stock/{product}")
    await page.get_by_label("How many came").fill("5")
    await page.get_by_role("button", name="Book").click()
    await page.get_by_text("The movement is booked.").wait_for()
    await page.goto(f"/staff/products/{product}")
    await page.get_by_label("Price in USD").fill("11")
    await page.get_by_role("button", name="Save").first.click()
    await page.get_by_text("The product is changed.").wait_for()


async def test_staff_s_pages_are_no_customer_s(browser: Chromium) -> None:
    async with visitor(browser) as stranger:
        await sign_up(stranger)
        answer = await stranger.goto("/staff")
        assert answer is not None
        assert answer.status == 403
        await look(stranger, "staff-as-a-customer")


async def _until_said(page: Page, path: str, pattern: str) -> None:
    said = ""
    for _ in range(60):
        await page.goto(path)
        said = await page.inner_text("main")
        if re.search(pattern, said):
            return
        await page.wait_for_timeout(500)
    raise AssertionError(f"{path} never said {pattern}: {said}")


async def test_goods_come_back_and_so_does_their_money(
    browser: Chromium, products: Products
) -> None:
    product = await products.make(stock=3)
    async with visitor(browser) as customer, visitor(browser) as page:
        await sign_up(customer)
        path = await order(customer, product, CARD)
        await wait_for(customer, path, "Send something back", javascript=True)
        await customer.get_by_role("link", name="Send something back").click()
        await customer.get_by_role("radio", name="Damaged").check()
        await customer.get_by_role("button", name="Ask for the return").click()
        await customer.get_by_text("The shop looks at it").wait_for()
        await sign_in_as_staff(page)
        await page.goto("/staff/returns?status=requested")
        await page.goto(f"/staff{path}")
        await page.locator('main a[href^="/staff/returns/"]').click()
        await page.get_by_role("button", name="Approve").click()
        await page.get_by_text("may send the goods").wait_for()
        await customer.goto(path)
        await customer.get_by_text("Send the goods to the shop").wait_for()
        await page.get_by_role("button", name="The goods are here").click()
        await page.get_by_text("on its way back").wait_for()
        await _until_said(customer, path, r"Refunded: \$12\.50")
        await _until_said(page, f"/staff/stock/{product}", r"Available\s+3")


async def test_pictures_are_added_and_put_in_order(browser: Chromium, products: Products) -> None:
    product = await products.make()
    async with visitor(browser) as page:
        await sign_in_as_staff(page)
        await page.goto(f"/staff/products/{product}")
        for colour in ("teal", "orange"):
            made = io.BytesIO()
            Image.new("RGB", (300, 300), colour).save(made, "PNG")
            await page.get_by_label("Another picture").set_input_files(
                {"name": f"{colour}.png", "mimeType": "image/png", "buffer": made.getvalue()}
            )
            await page.get_by_label("What it shows").fill(f"The {colour} one")
            await page.get_by_role("button", name="Add the picture").click()
            await page.get_by_role("img", name=f"The {colour} one").wait_for()
        await look(page, "staff-product-pictures")
        await page.get_by_role("button", name="Make it the first").click()
        await page.get_by_text("is the first now").wait_for()
        await page.goto(f"/products/{product}")
        shown = page.locator(".pictures img")
        assert await shown.first.get_attribute("alt") == "The orange one"
        assert await shown.first.evaluate("each => each.decode().then(() => each.naturalWidth)")


async def test_every_page_of_the_staff_is_accessible_and_small(
    browser: Chromium, products: Products
) -> None:
    product = await products.make(stock=1)
    async with visitor(browser) as page:
        await sign_in_as_staff(page)
        path = await order(page, product, CARD)
        await wait_for(page, path, "Send something back", javascript=True)
        await page.get_by_role("link", name="Send something back").click()
        await page.get_by_role("radio", name="Another reason").check()
        await page.get_by_role("button", name="Ask for the return").click()
        await page.get_by_text("The shop looks at it").wait_for()
        known = {"order_id": path.removeprefix("/orders/"), "product_id": product}
        for template in STAFF:
            await page.goto(await _address(page, template, known))
            await look(page, file_name(template))
        await page.goto("/staff/products/new")
        form = page.locator('form[action="/staff/products/new"]')
        await form.evaluate("form => { form.noValidate = true; }")
        await form.get_by_role("button", name="Save").click()
        await page.get_by_role("alert").wait_for()
        await look(page, "staff-products-new-refused")
        await page.get_by_label("Language").select_option("id")
        await page.get_by_role("button", name="Choose").click()
        await page.get_by_text("Keranjang").first.wait_for()
        for template in STAFF:
            await page.goto(filled_in(template, known))
            await look(page, f"{file_name(template)}-id")


async def _address(page: Page, template: str, known: dict[str, str]) -> str:
    """Return a page's address; `known` gets the id of the first that its list has, if it lacks."""
    for name in re.findall(r"{(\w+)}", template):
        if name not in known:
            listed = template.partition("/{")[0]
            await page.goto(listed)
            link = page.locator(f'main a[href^="{listed}/"]').first
            known[name] = (await link.get_attribute("href") or "").removeprefix(f"{listed}/")
    return filled_in(template, known)
