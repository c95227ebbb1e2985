"""A customer without JavaScript, from the catalogue to the order, on the storefront's pages."""

import re
import secrets
from typing import Any

import httpx
import pytest

from contract.browser import PASSWORD, Browser, make_product
from contract.shop import Shop

ADDRESS = {
    "address": "new",
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
}


def fill_basket(browser: Browser, product: dict[str, Any], quantity: int = 1) -> None:
    browser.get(f"/products/{product['id']}")
    browser.post("/basket", product_id=product["id"], quantity=quantity)


def place_order(browser: Browser, **changes: str) -> httpx.Response:
    browser.get("/checkout")
    hidden = {name: browser.field(name) for name in ("key", "currency", "total")}
    return browser.post("/checkout", **{**hidden, "way": "paypal:paypal", **ADDRESS, **changes})


def test_the_catalogue_is_searched_narrowed_sorted_and_paged(browser: Browser, shop: Shop) -> None:
    word = f"zy{secrets.token_hex(4)}"
    for number in range(26):
        make_product(
            shop,
            name=f"{word} {number:02}",
            category="garden" if number % 2 else "kitchen",
            price={"amount": 1000 + number * 100, "currency": "USD"},
        )
    first = browser.get(f"/?q={word}&sort=price").text
    assert len(re.findall(r'class="name"', first)) == 24
    assert first.index(f"{word} 00") < first.index(f"{word} 23")
    following = re.search(r'<a href="([^"]+)" rel="next">', first)
    assert following
    second = browser.get(following[1].replace("&amp;", "&")).text
    assert f"{word} 25" in second
    assert f"{word} 00" not in second
    narrow = browser.get(f"/?q={word}&category=garden&min_price=11&max_price=15").text
    assert re.findall(rf"{word} \d\d", narrow.split("<main")[1].split("</h1>")[1])
    assert len(re.findall(r'class="name"', narrow)) == 3  # 01, 03 and 05


def test_a_price_that_is_none_is_told(browser: Browser) -> None:
    assert "must be a number" in browser.get("/?min_price=cheap").text


def test_nothing_found_says_what_to_do(browser: Browser) -> None:
    assert "Try fewer words" in browser.get(f"/?q={secrets.token_hex(8)}").text


def test_a_product_shows_price_and_stock(browser: Browser, product: dict[str, Any]) -> None:
    page = browser.get(f"/products/{product['id']}").text
    assert "$12.50" in page
    assert "Only 3 left" in page


def test_a_product_that_is_not_sold_in_the_currency_says_so(
    browser: Browser, product: dict[str, Any]
) -> None:
    browser.get("/")
    browser.post("/preferences", currency="IDR", next=f"/products/{product['id']}")
    assert "not sold in IDR" in browser.page.text
    assert "Add to basket" not in browser.page.text


def test_pages_are_in_the_reader_s_language(browser: Browser, product: dict[str, Any]) -> None:
    browser.http.headers["Accept-Language"] = "id-ID,id;q=0.9"
    page = browser.get("/").text
    assert '<html lang="id">' in page
    assert "Keranjang" in page
    browser.post("/preferences", locale="en", next="/")
    assert '<html lang="en">' in browser.page.text


def test_the_basket_tells_the_stock(browser: Browser, product: dict[str, Any]) -> None:
    fill_basket(browser, product, 2)
    assert "$25.00" in browser.get("/basket").text
    browser.post("/basket/lines", **{f"quantity-{product['id']}": "4"})
    assert "Only 3 left" in browser.page.text
    assert "/checkout" not in browser.page.text
    browser.post("/basket/lines", remove=product["id"])
    assert "It is empty" in browser.page.text


@pytest.mark.parametrize("quantity", ["0", "-1", "1001", "1e3", "٣", "", "9" * 30])
def test_no_other_quantity_goes_in(
    browser: Browser, product: dict[str, Any], quantity: str
) -> None:
    browser.get("/basket")
    browser.post("/basket", product_id=product["id"], quantity=quantity)
    assert "Enter a quantity" in browser.page.text
    assert "It is empty" in browser.page.text


def test_the_basket_is_kept_over_signing_in_and_in_another_browser(
    browser: Browser, other_browser: Browser, product: dict[str, Any]
) -> None:
    email = other_browser.sign_up()
    fill_basket(other_browser, product)
    fill_basket(browser, product)
    browser.sign_in(email)
    assert f'name="quantity-{product["id"]}" value="2"' in browser.get("/basket").text
    assert f'name="quantity-{product["id"]}" value="2"' in other_browser.get("/basket").text


def test_an_order_is_placed_shown_and_cancelled(customer: Browser, product: dict[str, Any]) -> None:
    fill_basket(customer, product)
    page = place_order(customer, keep_address="on")
    assert re.fullmatch(r"/orders/[0-9a-f-]{36}", page.url.path), page.text
    assert "12 St James&#39;s Square" in page.text
    assert 'class="state" data-open' in page.text  # it is looked at for as long
    assert "It is empty" in customer.get("/basket").text
    assert page.url.path in customer.get("/orders").text
    assert "12 St James&#39;s Square" in customer.get("/account/addresses").text
    customer.get(page.url.path)
    cancelled = customer.post(f"{page.url.path}/cancel")
    assert "The order is cancelled." in cancelled.text
    assert "Cancel the order" not in cancelled.text
    assert "data-open" not in cancelled.text


def test_what_is_kept_live_leaves_what_is_said_to_the_page(
    customer: Browser, product: dict[str, Any]
) -> None:
    """The page before is still there, and asks for its part, when the next one is on its way."""
    fill_basket(customer, product)
    order = place_order(customer).url.path
    form = {"csrf": customer.field("csrf")}
    customer.http.post(f"{order}/cancel", data=form, follow_redirects=False)
    assert "The order is cancelled." not in customer.http.get(f"{order}/progress").text
    assert "The order is cancelled." in customer.get(order).text


def test_a_form_sent_twice_is_one_order(customer: Browser, product: dict[str, Any]) -> None:
    fill_basket(customer, product)
    customer.get("/checkout")
    hidden = {name: customer.field(name) for name in ("key", "currency", "total")}
    form = {**hidden, "way": "paypal:paypal", **ADDRESS}
    token = customer.field("csrf")
    first = customer.post("/checkout", **form)
    again = customer.http.post("/checkout", data={"csrf": token, **form})
    assert again.url.path == first.url.path
    fill_basket(customer, product)
    again = customer.http.post("/checkout", data={"csrf": token, **form})
    assert again.url.path == first.url.path
    assert "It is empty" not in customer.get("/basket").text


def test_an_address_that_is_none_is_told_at_its_field(
    customer: Browser, product: dict[str, Any]
) -> None:
    fill_basket(customer, product)
    page = place_order(customer, city="", postal_code="")
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    assert 'value="12 St James&#39;s Square"' in page.text


@pytest.mark.parametrize(
    ("language", "check", "fill_in", "too_short"),
    [
        ("en", "Please check what you entered.", "Fill this in.", "at least 10 characters"),
        ("id", "Periksa kembali isian Anda.", "Isi bagian ini.", "paling sedikit 10 karakter"),
    ],
)
def test_what_is_wrong_is_told_in_the_reader_s_words(
    browser: Browser, language: str, check: str, fill_in: str, too_short: str
) -> None:
    browser.http.headers["Accept-Language"] = language
    browser.get("/sign-up")
    page = browser.post("/sign-up", name="", email="x", password="short").text
    assert check in page
    assert f'class="error">{fill_in}' in page
    assert too_short in page
    assert "String should" not in page
    assert "Value error" not in page


def test_without_a_way_to_pay_there_is_no_order(customer: Browser, product: dict[str, Any]) -> None:
    fill_basket(customer, product)
    assert "Choose a payment method" in place_order(customer, way="").text


def test_only_ways_to_pay_that_the_shop_can_offer_are_shown(customer: Browser, shop: Shop) -> None:
    price = {"amount": 5000000, "currency": "IDR"}
    fill_basket(customer, make_product(shop, price=price, other_prices=[]))
    customer.get("/basket")
    customer.post("/preferences", currency="IDR", next="/checkout")
    ways = set(re.findall(r'name="way" value="([^"]+)"', customer.page.text))
    # Of the providers this shop has keys for, and a card only by the tokens it was given.
    assert ways == {"stripe:card:pm_card_visa"}


def test_a_payment_that_does_not_wait_leads_back(
    customer: Browser, product: dict[str, Any]
) -> None:
    fill_basket(customer, product)
    order = place_order(customer).url.path
    assert "nothing to pay" in customer.get(f"{order}/pay").text
    assert customer.get("/orders/return").url.path == "/orders"


def test_the_account_is_changed(customer: Browser) -> None:
    customer.get("/account")
    customer.post(
        "/account", name="Ada King", phone="+442071234567", locale="id", etag=customer.field("etag")
    )
    assert "Profil Anda diubah" in customer.page.text
    assert 'value="Ada King"' in customer.page.text
    customer.post("/account", name="", phone="12", locale="id", etag=customer.field("etag"))
    assert customer.page.status_code == 422
    assert customer.page.text.count('aria-invalid="true"') == 2


def test_addresses_are_added_changed_and_deleted(customer: Browser) -> None:
    customer.get("/account/addresses/new")
    customer.post("/account/addresses", **{**ADDRESS, "label": "home"})
    found = re.search(r'href="(/account/addresses/[0-9a-f-]{36})"', customer.page.text)
    assert found, customer.page.text
    customer.get(found[1])
    customer.post(found[1], **{**ADDRESS, "label": "work"}, etag=customer.field("etag"))
    assert "work" in customer.page.text
    customer.get(found[1])
    customer.post(found[1], delete="1")
    assert found[1] not in customer.page.text


def test_a_session_elsewhere_is_ended(browser: Browser, other_browser: Browser) -> None:
    email = browser.sign_up()
    other_browser.sign_in(email)
    page = browser.get("/account/sessions").text
    [session] = re.findall(r'name="session" value="([^"]+)"', page)
    browser.post("/account/sessions", session=session)
    assert other_browser.get("/account").url.path == "/sign-in"
    assert browser.get("/account").url.path == "/account"


def test_a_new_password_counts(browser: Browser, other_browser: Browser) -> None:
    email = browser.sign_up()
    browser.get("/account/password")
    browser.post("/account/password", current_password="wrong", password="battery staple 2")
    assert browser.page.status_code == 422
    browser.post("/account/password", current_password=PASSWORD, password="battery staple 2")
    assert "Your password is changed" in browser.page.text
    assert "not right" in other_browser.sign_in(email).text


def test_messages_are_chosen(customer: Browser) -> None:
    customer.get("/account/messages")
    customer.post(
        "/account/messages",
        orders="email",
        quiet="on",
        start="22:00",
        end="06:30",
        timezone="Asia/Jakarta",
        payment_action="on",
    )
    page = customer.page.text
    assert 'value="06:30"' in page
    assert re.search(r'name="orders" value="email"[^>]* checked', page)
    assert not re.search(r'name="orders" value="sms"[^>]* checked', page)


def test_everything_held_is_one_file(customer: Browser, product: dict[str, Any]) -> None:
    fill_basket(customer, product)
    order = place_order(customer).url.path
    answer = customer.get("/account/export")
    assert answer.headers["content-disposition"].startswith("attachment")
    held = answer.json()
    assert held["account"]["account"]["name"] == "Ada"
    assert [f"/orders/{each['id']}" for each in held["orders"]] == [order]
    assert len(held["sessions"]) == 1


def test_a_deleted_account_is_gone(browser: Browser) -> None:
    email = browser.sign_up()
    browser.get("/account/delete")
    assert browser.post("/account/delete").status_code == 422
    browser.post("/account/delete", sure="on")
    assert "Your account is deleted" in browser.page.text
    assert browser.get("/account").url.path == "/sign-in"
    assert "not right" in browser.sign_in(email).text
