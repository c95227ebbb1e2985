"""A return on the pages: asked for, refused or approved, received; no consumers run here."""

import re
from typing import Any

import pytest

from contract.browser import Browser
from contract.owned_resources import OwnedResources
from contract.shop import Shop
from contract.test_storefront_customer import fill_basket, place_order


@pytest.fixture
def owned(shop: Shop) -> OwnedResources:
    return OwnedResources(shop)


@pytest.fixture
def delivered(other_browser: Browser, product: dict[str, Any], owned: OwnedResources) -> str:
    """The path of a customer's order of two units, which has arrived."""
    other_browser.sign_up()
    fill_basket(other_browser, product, 2)
    path = place_order(other_browser).url.path
    with owned.shop.client("gateway") as api:
        order = api.get(f"/v1{path}", headers=owned.staff).json()
    about = {"order_id": order["id"], "customer_id": order["customer_id"]}
    line = {"product_id": product["id"], "quantity": 2, "sku": product["sku"], "name": "Blue mug"}
    owned.deliver(about, line, each=1250, total=2500)
    return path


def ask(browser: Browser, order: str, product: dict[str, Any], quantity: int | str) -> str:
    browser.get(f"{order}/return")
    fields = {f"quantity-{product['id']}": str(quantity), "reason": "damaged"}
    browser.post(f"{order}/return", key=browser.field("key"), **fields)
    return browser.page.text


def test_a_return_is_asked_for_approved_and_received(
    other_browser: Browser, staff_browser: Browser, delivered: str, product: dict[str, Any]
) -> None:
    assert "Send something back" in other_browser.get(delivered).text
    assert "Enter a whole number." in ask(other_browser, delivered, product, "1e0")
    page = ask(other_browser, delivered, product, 1)
    assert "The shop looks at it" in page
    assert "Asked for" in page
    assert "$12.50" in page
    assert "1 at most" in other_browser.get(f"{delivered}/return").text

    listed = staff_browser.get("/staff/returns?status=requested").text
    assert delivered.removeprefix("/orders/") in listed
    [path] = re.findall(
        r'"(/staff/returns/[0-9a-f-]{36})"', staff_browser.get(f"/staff{delivered}").text
    )
    staff_browser.get(path)
    staff_browser.post(f"{path}/approve", etag=staff_browser.field("etag"))
    assert "may send the goods" in staff_browser.page.text
    assert "Send the goods to the shop" in other_browser.get(delivered).text
    staff_browser.post(f"{path}/receive", restock="on", etag=staff_browser.field("etag"))
    assert "on its way back" in staff_browser.page.text
    assert "back on the shelf" in staff_browser.page.text


def test_a_refusal_tells_why_and_leaves_it_to_be_asked_again(
    other_browser: Browser, staff_browser: Browser, delivered: str, product: dict[str, Any]
) -> None:
    ask(other_browser, delivered, product, 2)
    assert "Send something back" not in other_browser.page.text
    assert "nothing of this order" in other_browser.get(f"{delivered}/return").text
    [path] = re.findall(
        r'"(/staff/returns/[0-9a-f-]{36})"', staff_browser.get(f"/staff{delivered}").text
    )
    staff_browser.get(path)
    stale = staff_browser.field("etag")
    staff_browser.post(f"{path}/refuse", reason="The seal is broken.", etag=stale)
    assert "the customer is told why" in staff_browser.page.text
    assert "The seal is broken." in other_browser.get(delivered).text
    assert "Send something back" in other_browser.page.text
    staff_browser.post(f"{path}/approve", etag=stale)
    assert 'class="problem"' in staff_browser.page.text


def test_a_form_sent_twice_asks_once(
    other_browser: Browser, delivered: str, product: dict[str, Any]
) -> None:
    other_browser.get(f"{delivered}/return")
    form = {
        "csrf": other_browser.field("csrf"),
        "key": other_browser.field("key"),
        f"quantity-{product['id']}": "1",
        "reason": "other",
    }
    for _ in range(2):
        page = other_browser.http.post(f"{delivered}/return", data=form).text
    assert page.count("Asked for") == 1


@pytest.mark.parametrize("quantity", ["0", "", "-1", "3", "1e9", "x"])
def test_no_other_quantity_is_sent_back(
    other_browser: Browser, delivered: str, product: dict[str, Any], quantity: str
) -> None:
    other_browser.get(f"{delivered}/return")
    fields = {f"quantity-{product['id']}": quantity, "reason": "damaged"}
    other_browser.post(f"{delivered}/return", key=other_browser.field("key"), **fields)
    assert other_browser.page.status_code == 422
    assert 'class="problem"' in other_browser.page.text
    assert "Asked for" not in other_browser.get(delivered).text


def test_an_order_that_has_not_arrived_is_not_sent_back(
    other_browser: Browser, product: dict[str, Any]
) -> None:
    other_browser.sign_up()
    fill_basket(other_browser, product)
    order = place_order(other_browser).url.path
    assert "Send something back" not in other_browser.page.text
    assert "nothing of this order" in other_browser.get(f"{order}/return").text
