"""No script of somebody else's comes into a page, by an address, a form or what is stored."""

import httpx
import pytest

from contract.browser import Browser, make_product
from contract.shop import Shop
from contract.test_storefront_customer import fill_basket, place_order

SCRIPT = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


def assert_harmless(page: str) -> None:
    """Fail where the page has markup of SCRIPT."""
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "><script" not in page.replace('><script type="module"', "")


@pytest.mark.parametrize(
    "path",
    [
        "/?q={}",
        "/?category={}",
        "/?min_price={}",
        "/?max_price={}",
        "/?sort={}",
        "/?cursor={}",
        "/sign-in?next=/{}",
        "/sign-up?next={}",
        "/products/{}",
        "/{}",
        "/account/verify?channel={}",
    ],
)
def test_no_address_s_script_comes_back(staff_visit: Browser, path: str) -> None:
    page = staff_visit.get(path.replace("{}", httpx.QueryParams({"a": SCRIPT}).__str__()[2:]))
    assert page.status_code < 500
    assert_harmless(page.text)


@pytest.mark.parametrize(
    "path",
    [
        "/staff/orders?find={}",
        "/staff/orders?status={}",
        "/staff/orders?customer_id={}",
        "/staff/products?q={}",
        "/staff/products?active={}",
        "/staff/users?email={}",
        "/staff/shipments?status={}",
        "/staff/messages?order_id={}",
        "/staff/stock?cursor={}",
    ],
)
def test_no_script_comes_back_to_staff(staff_visit: Browser, path: str) -> None:
    page = staff_visit.get(path.replace("{}", httpx.QueryParams({"a": SCRIPT}).__str__()[2:]))
    assert page.status_code < 500
    assert_harmless(page.text)


def test_no_stored_script_runs(browser: Browser, staff_visit: Browser, shop: Shop) -> None:
    product = make_product(
        shop,
        name=SCRIPT,
        description=SCRIPT,
        brand=SCRIPT[:60],
        tags=[SCRIPT[:30]],
        attributes={"colour": SCRIPT},
    )
    browser.sign_up()
    fill_basket(browser, product)
    assert_harmless(browser.page.text)
    for path in ("/", "/basket", "/checkout", f"/products/{product['id']}"):
        page = browser.get(path).text
        assert_harmless(page)
    order = place_order(
        browser,
        name=SCRIPT[:60],
        line1=SCRIPT,
        line2=SCRIPT,
        city=SCRIPT,
        region=SCRIPT,
        keep_address="on",
    )
    assert order.url.path.startswith("/orders/"), order.text
    assert "&lt;script&gt;" in order.text
    browser.get("/account")
    browser.post("/account", name=SCRIPT[:60], phone="", locale="en", etag=browser.field("etag"))
    for path in (
        order.url.path,
        f"{order.url.path}/progress",
        "/orders",
        "/account",
        "/account/addresses",
        "/account/sessions",
        "/checkout",
    ):
        assert_harmless(browser.get(path).text)
    for path in (
        "/staff",
        "/staff/orders",
        f"/staff{order.url.path}",
        "/staff/products",
        f"/staff/products/{product['id']}",
        f"/staff/stock/{product['id']}",
        "/staff/users",
    ):
        page = staff_visit.get(path).text
        assert_harmless(page)
    staff_visit.get(f"/staff/stock/{product['id']}")
    staff_visit.post(
        f"/staff/stock/{product['id']}", delta="1", reason="found", note=SCRIPT, key=order.url.path
    )
    assert "&lt;script&gt;" in staff_visit.page.text
    assert_harmless(staff_visit.page.text)


def test_what_is_typed_is_shown_again_as_text(browser: Browser) -> None:
    browser.get("/sign-in")
    assert_harmless(browser.post("/sign-in", email=SCRIPT, password="x").text)
    browser.get("/sign-up")
    again = browser.post("/sign-up", name=SCRIPT, email=SCRIPT, password="secret!")
    assert_harmless(again.text)
    assert "secret!" not in again.text
    browser.get("/password/forgotten")
    assert_harmless(browser.post("/password/forgotten", email=SCRIPT).text)
