"""A staff member's day on the storefront's pages, without JavaScript."""

import re
import secrets
from typing import Any

import pytest

from contract.browser import Browser, make_product
from contract.owned_resources import OwnedResources, make
from contract.shop import Shop
from contract.storefront_things import change_row
from contract.test_storefront_customer import fill_basket, place_order
from shop_storefront.staff import paging
from storefront_pages import MAX_BYTES


def test_today_counts_orders_and_says_what_runs_low(
    staff_browser: Browser, product: dict[str, Any], shop: Shop
) -> None:
    fill_basket(staff_browser, product)
    place_order(staff_browser)
    low = make_product(
        shop, name=f"Rare {secrets.token_hex(4)}", initial_stock=1, low_stock_threshold=1000
    )
    page = staff_browser.get("/staff").text
    assert re.search(r"\d+ orders?", page)
    assert "<rect" in page
    assert low["name"] in page
    assert len(page.encode()) <= MAX_BYTES


def test_an_order_is_found_by_its_number_and_its_customer(
    staff_browser: Browser, other_browser: Browser, product: dict[str, Any]
) -> None:
    email = other_browser.sign_up()
    fill_basket(other_browser, product)
    order_id = place_order(other_browser).url.path.removeprefix("/orders/")
    assert staff_browser.get(f"/staff/orders?find={order_id}").url.path.endswith(order_id)
    assert "Ada Lovelace" in staff_browser.page.text
    found = staff_browser.get(f"/staff/orders?find={email}").text
    assert re.findall(r"/staff/orders/([0-9a-f-]{36})", found) == [order_id]
    assert "Nobody has this" in staff_browser.get("/staff/orders?find=nobody@example.com").text
    staff_browser.get(f"/staff/orders/{order_id}")
    staff_browser.post(f"/staff/orders/{order_id}/cancel")
    assert "The order is cancelled" in staff_browser.page.text
    assert "Cancelled by the shop" in other_browser.get(f"/orders/{order_id}").text


def test_a_customer_s_orders_are_paged_through_and_nobody_else_s(
    staff_browser: Browser,
    other_browser: Browser,
    product: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paging, "PAGE_SIZE", 1)
    email = other_browser.sign_up()
    placed = []
    for browser in (other_browser, staff_browser, other_browser):
        fill_basket(browser, product)
        placed.append(place_order(browser).url.path.removeprefix("/orders/"))
    address, seen = f"/staff/orders?find={email}", []
    while address:
        page = staff_browser.get(address).text
        seen += re.findall(r"/staff/orders/([0-9a-f-]{36})", page)
        following = re.search(r'<a href="([^"]+)" rel="next">', page)
        address = following[1].replace("&amp;", "&") if following else ""
    assert seen == [placed[2], placed[0]]
    nobody = staff_browser.get("/staff/orders?find=nobody@example.com").text
    assert not re.findall(r"/staff/orders/([0-9a-f-]{36})", nobody)


def test_an_order_leads_to_its_traces(staff_browser: Browser, product: dict[str, Any]) -> None:
    fill_basket(staff_browser, product)
    order = place_order(staff_browser).url.path
    trace = r'href="https://traces.example/([0-9a-f]{32})"'
    placed = re.findall(trace, staff_browser.get(f"/staff{order}").text)
    assert len(placed) == 1
    staff_browser.post(f"/staff{order}/cancel")
    both = re.findall(trace, staff_browser.page.text)
    assert both[0] == placed[0]
    assert len(set(both)) == 2
    assert "traces.example" not in staff_browser.get(order).text


def test_a_message_that_was_parked_is_sent_again(staff_browser: Browser, shop: Shop) -> None:
    owned = OwnedResources(shop)
    message = make("notification_id", owned)
    path = f"/staff/messages/{message}"
    assert "Send it again" not in staff_browser.get(path).text
    staff_browser.post(f"{path}/retry")
    assert 'class="problem"' in staff_browser.page.text
    parked = "UPDATE notifications SET status = 'parked' WHERE id = :id"
    change_row(owned, "notification", parked, message)
    assert "Send it again" in staff_browser.get(path).text
    staff_browser.post(f"{path}/retry")
    assert "It is sent again." in staff_browser.page.text
    assert "Parked" not in staff_browser.page.text


def test_a_payment_that_needs_a_person_is_told(staff_browser: Browser, shop: Shop) -> None:
    owned = OwnedResources(shop)
    payment = make("payment_id", owned)
    order = owned.call("payment", "GET", f"/v1/payments/{payment}", owned.staff)["order_id"]
    silent = "UPDATE payments SET status = 'pending', updated_at = now() - interval '1 hour'"
    change_row(owned, "payment", f"{silent} WHERE id = :id", payment)
    page = staff_browser.get("/staff/payments").text
    assert "has not answered for a quarter of an hour" in page
    assert f'href="/staff/orders/{order}"' in page.split("All, newest first")[0]
    assert re.search(r"payments? needs? a person", staff_browser.get("/staff").text)


def test_a_product_is_added_edited_and_removed(staff_browser: Browser) -> None:
    sku = f"T-{secrets.token_hex(6)}"
    staff_browser.get("/staff/products/new")
    form = {"sku": sku, "name": "A cup", "category": "kitchen", "price-USD": "12.5"}
    staff_browser.post("/staff/products/new", **{**form, "price-USD": "12,5"})
    assert staff_browser.page.status_code == 422
    assert "This is no amount." in staff_browser.page.text
    for field in ("initial_stock", "low_stock_threshold"):
        again = staff_browser.post("/staff/products/new", **form, **{field: "1e3"})
        assert 'class="error">Enter a whole number.' in again.text
    staff_browser.post("/staff/products/new", **form, active="on", initial_stock="4")
    path = staff_browser.page.url.path
    assert re.fullmatch(r"/staff/products/[0-9a-f-]{36}", path), staff_browser.page.text
    shown = staff_browser.http.get(path.removeprefix("/staff")).text
    assert "$12.50" in shown
    assert "Only 4 left" in shown

    etag = staff_browser.field("etag")
    changed = {**form, "price-USD": "13", "price-IDR": "200000", "active": "on"}
    staff_browser.post(path, etag=etag, **changed)
    assert "The product is changed." in staff_browser.page.text

    stale = staff_browser.post(path, **form, etag=etag)
    assert stale.status_code == 422
    assert "It was changed meanwhile" in stale.text
    staff_browser.get(path)
    staff_browser.post(path, delete="1", etag=staff_browser.field("etag"))
    assert "removed from the catalogue" in staff_browser.page.text


def test_prices_that_the_form_does_not_show_stay(staff_browser: Browser, shop: Shop) -> None:
    """And the main one stays the main one."""
    dollars, euros = ({"amount": 900, "currency": code} for code in ("USD", "EUR"))
    for main, other in ((euros, dollars), (dollars, euros)):
        product = make_product(shop, price=main, other_prices=[other])
        staff_browser.get(f"/staff/products/{product['id']}")
        staff_browser.post(
            f"/staff/products/{product['id']}",
            etag=staff_browser.field("etag"),
            **{"name": "A cup", "category": "kitchen", "price-USD": "9.00", "price-IDR": "150000"},
            active="on",
        )
        assert "The product is changed." in staff_browser.page.text
        with shop.client("gateway") as api:
            after = api.get(f"/v1/products/{product['id']}").json()
        assert after["price"] == main
        assert {price["currency"]: price["amount"] for price in after["other_prices"]} == {
            other["currency"]: 900,
            "IDR": 15000000,
        }


def test_stock_is_booked_once_and_accounted_for(
    staff_browser: Browser, product: dict[str, Any]
) -> None:
    path = f"/staff/stock/{product['id']}"
    staff_browser.get(path)
    form = {
        "delta": "5",
        "reason": "received",
        "note": "po-1042",
        "key": staff_browser.field("key"),
    }
    staff_browser.post(path, **form)
    staff_browser.post(path, **form)
    page = staff_browser.page.text
    assert page.count("po-1042") == 1
    assert re.search(r"<dt>On hand</dt><dd>8</dd>", page)
    staff_browser.post(path, delta="-50", reason="lost", key="another")
    assert 'class="problem"' in staff_browser.page.text
    staff_browser.post(f"{path}/threshold", threshold="9")
    assert 'value="9"' in staff_browser.page.text
    assert product["name"] in staff_browser.get("/staff/stock").text
    for no_number in ("nine", "1e1", "2.5", ""):
        staff_browser.post(f"{path}/threshold", threshold=no_number)
        assert "Enter a whole number." in staff_browser.page.text
        assert 'name="threshold" min="0" value="9"' in staff_browser.page.text


def test_a_user_is_found_suspended_reinstated_and_given_roles(
    staff_browser: Browser, other_browser: Browser
) -> None:
    email = other_browser.sign_up()
    page = staff_browser.get(f"/staff/users?email={email}").text
    [user] = re.findall(r'href="(/staff/users/[0-9a-f-]{36})"', page)
    staff_browser.get(user)
    staff_browser.post(f"{user}/suspend")
    assert "The user is suspended." in staff_browser.page.text
    staff_browser.post(f"{user}/reinstate")
    staff_browser.post(f"{user}/roles", role=["customer", "staff"])
    assert re.search(r'value="staff" checked', staff_browser.page.text)
    staff_browser.post(f"{user}/sessions")
    assert other_browser.get("/account").url.path == "/sign-in"
    staff_browser.post(f"{user}/suspend")
    staff_browser.post(f"{user}/delete")
    assert "Tick the box first." in staff_browser.page.text
    staff_browser.post(f"{user}/delete", sure="on")
    assert "The user is deleted." in staff_browser.page.text
    assert email not in staff_browser.page.text


def test_a_refund_of_no_amount_is_refused(staff_browser: Browser, product: dict[str, Any]) -> None:
    fill_basket(staff_browser, product)
    order = place_order(staff_browser).url.path
    staff_browser.get(f"/staff{order}")
    staff_browser.post(f"/staff{order}/refund", amount="-3", currency="USD", key="k")
    assert "This is no amount." in staff_browser.page.text
    staff_browser.post(f"/staff{order}/refund", amount="3", currency="???", key="k")
    assert "This is no amount." in staff_browser.page.text


def test_every_list_has_a_page_and_an_empty_state(staff_browser: Browser) -> None:
    for path in (
        "/staff/payments",
        "/staff/shipments",
        "/staff/returns?status=refund_failed",
        "/staff/messages",
        "/staff/users?status=suspended",
        "/staff/products?active=false",
        "/staff/orders?status=refunded",
    ):
        page = staff_browser.get(path)
        assert page.status_code == 200
        assert len(page.content) <= MAX_BYTES, path
