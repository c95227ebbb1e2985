"""The shop's staff in real Chromium: a day, a return, and every page of theirs by axe."""

import io
import re
from typing import Any

from PIL import Image
from playwright.async_api import Page
from starlette.routing import Route

from e2e.chromium import Chromium, look, order, sign_in_as_staff, sign_up, visitor, wait_for
from e2e.products import make_product
from shop_storefront import staff

CARD = "test card that pays"


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
        await _until_said(page, f"/staff{path}", r"\$2\.50")
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


async def _until_said(page: Page, path: str, pattern: str) -> None:
    said = ""
    for _ in range(60):
        await page.goto(path)
        said = await page.inner_text("main")
        if re.search(pattern, said):
            return
        await page.wait_for_timeout(500)
    raise AssertionError(f"{path} never said {pattern}: {said}")


async def test_goods_come_back_and_so_does_their_money(browser: Chromium) -> None:
    product = await make_product(stock=3)
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
        await look(page, "staff-returns")
        await page.goto(f"/staff{path}")
        await page.locator('main a[href^="/staff/returns/"]').click()
        await look(page, "staff-return")
        await page.get_by_role("button", name="Approve").click()
        await page.get_by_text("may send the goods").wait_for()
        await customer.goto(path)
        await customer.get_by_text("Send the goods to the shop").wait_for()
        await page.get_by_role("button", name="The goods are here").click()
        await page.get_by_text("on its way back").wait_for()
        await _until_said(customer, path, r"Refunded: \$12\.50")
        await _until_said(page, f"/staff/stock/{product}", r"Available\s+3")


async def test_pictures_are_added_and_put_in_order(browser: Chromium) -> None:
    product = await make_product()
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


async def test_every_page_of_the_staff_is_accessible(browser: Chromium) -> None:
    product = await make_product(stock=1)
    async with visitor(browser) as page:
        await sign_in_as_staff(page)
        path = await order(page, product, CARD)
        await wait_for(page, path, "Send something back", javascript=True)
        await page.get_by_role("link", name="Send something back").click()
        await page.get_by_role("radio", name="Another reason").check()
        await page.get_by_role("button", name="Ask for the return").click()
        await page.get_by_text("The shop looks at it").wait_for()
        for template in _pages():
            await page.goto(await _filled_in(page, template, path, product))
            await look(
                page, template.strip("/").replace("/", "-").replace("{", "").replace("}", "")
            )


def _pages() -> list[str]:
    """Return the path of every page that staff can open."""
    found = {
        route.path
        for router in staff.ROUTERS
        for route in router.routes
        if isinstance(route, Route) and "GET" in (route.methods or ())
    }
    assert len(found) > 15
    return sorted(found)


async def _filled_in(page: Page, template: str, order_path: str, product: str) -> str:
    """Return a page's path with ids of what there is."""
    known: dict[str, Any] = {
        "order_id": order_path.removeprefix("/orders/"),
        "product_id": product,
    }
    [name] = re.findall(r"{(\w+)}", template) or [""]
    if name and name not in known:
        listed = template.partition("/{")[0]
        await page.goto(listed)
        link = page.locator(f'main a[href^="{listed}/"]').first
        known[name] = (await link.get_attribute("href") or "").removeprefix(f"{listed}/")
    return template.format(**known)
