"""Markup in every text field of every form: never markup of a page, read back wherever shown."""

import io
import secrets

from PIL import Image

from contract.browser import PASSWORD, Browser
from contract.html_forms import Forms, HtmlForm
from contract.storefront_things import Things
from contract.test_storefront_customer import ADDRESS
from shop_storefront import pages, staff
from storefront_pages import CUSTOMER, STAFF, paths

VALID = {
    **ADDRESS,
    "email": "ada@example.com",
    "new_email": "ada.king@example.com",
    "password": PASSWORD,
    "current_password": PASSWORD,
    "phone": "+442071234567",
    "code": "123456",
    "label": "home",
    "line2": "",
    "region": "",
    "category": "kitchen",
    "brand": "Claywork",
    "price-USD": "12.50",
    "price-IDR": "",
    "initial_stock": "3",
    "low_stock_threshold": "1",
    "delta": "1",
    "threshold": "1",
    "amount": "1",
    "location": "Leeds",
    "timezone": "Europe/London",
}
"""What an empty field is filled with while another one is tried."""
SHOWN = {
    *("name", "line1", "line2", "city", "region", "label", "description", "brand"),
    *("note", "reason", "location", "alt"),
}
"""Fields that are kept as they were written, and shown: their markup has to be read somewhere."""
NEVER_TYPED = frozenset(("/account/email/confirm", "/password/reset"))
"""Forms of pages that only another form leads to; they take a code and a password."""


def markup(name: str) -> str:
    """Return what ends any attribute and begins an element, with the field's name."""
    return f"\"'><s>{name}"


def assert_text(page: str, where: str) -> None:
    assert "<s>" not in page, f"markup of {where} is markup of the page"


def read_back(page: str) -> set[str]:
    """Return the names of the fields whose markup a page shows, as text."""
    return {name for name in SHOWN if f"&lt;s&gt;{name}" in page}


def test_what_is_written_into_any_field_is_text_wherever_it_is_shown(
    customer: Browser, staff_visitor: Browser, other_browser: Browser, things: Things
) -> None:
    tried: set[tuple[str, str]] = set()
    for browser, opened in (
        (other_browser, ["/sign-in", "/sign-up", "/password/forgotten"]),
        (customer, CUSTOMER),
        (staff_visitor, STAFF),
    ):
        for page, address in things.addresses(opened):
            for form, name in _fields(browser, address):
                if (form.action, name) not in tried:
                    tried.add((form.action, name))
                    if page == "/checkout":
                        _fill_basket(browser, things)
                    assert_text(_send(browser, address, form.action, name), f"{form.action} {name}")
    assert len(tried) > 45
    shown: set[str] = set()
    for browser, opened in ((customer, CUSTOMER), (staff_visitor, STAFF)):
        for _, address in things.addresses(opened):
            opened_page = browser.get(address)
            assert opened_page.status_code == 200, address
            assert_text(opened_page.text, address)
            shown |= read_back(opened_page.text)
    assert shown == SHOWN


def _fields(browser: Browser, address: str) -> list[tuple[HtmlForm, str]]:
    forms = Forms.of(browser.get(address).text).all
    return [(form, name) for form in forms for name in form.texts]


def _fill_basket(browser: Browser, things: Things) -> None:
    browser.get(f"/products/{things.ids['product_id']}")
    browser.post("/basket", product_id=things.ids["product_id"], quantity=1)


def _send(browser: Browser, address: str, action: str, name: str) -> str:
    """Send a form of a page that is opened anew, markup in one field; return the answer."""
    form = next(each for each in Forms.of(browser.get(address).text).all if each.action == action)
    filled = {field: value or VALID.get(field, "") for field, value in form.values.items()}
    if "sku" in filled:
        filled["sku"] = f"T-{secrets.token_hex(6)}"
    if action == "/checkout":
        filled |= {"address": "new", "keep_address": "on"}
    filled[name] = markup(name)
    if form.method == "get":
        answer = browser.http.get(action, params=filled)
    elif form.multipart:
        picture = io.BytesIO()
        Image.new("RGB", (8, 8), "teal").save(picture, "PNG")
        files = {form.uploads[0]: ("picture.png", picture.getvalue(), "image/png")}
        answer = browser.http.post(action, data=filled, files=files)
    else:
        answer = browser.http.post(action, data=filled)
    assert answer.status_code < 500, f"{action} {name}: {answer.text}"
    assert answer.status_code not in {403, 404}, f"{action} {name}: {answer.text}"
    return answer.text


def test_every_form_is_on_a_page_that_is_tried(
    customer: Browser, staff_visitor: Browser, things: Things
) -> None:
    """A form that no page here has would be a form whose fields nobody tries."""
    found = {"/sign-in", "/sign-up", "/password/forgotten"}
    for browser, opened in ((customer, CUSTOMER), (staff_visitor, STAFF)):
        for _, address in things.addresses(opened):
            found |= {form.action for form in Forms.of(browser.get(address).text).posted}
    known = set(things.ids.values())
    for path in paths((*pages.ROUTERS, *staff.ROUTERS), "POST"):
        wanted = [part for part in path.split("/") if not part.startswith("{")]
        hit = any(
            [part for part in action.split("/") if part not in known and len(part) != 16] == wanted
            for action in found
        )
        assert hit or path in NEVER_TYPED | _BUTTONS, f"no page tried here has a form for {path}"


_BUTTONS = frozenset(
    (  # of another state of what the page shows: no text is typed there
        "/staff/returns/{return_id}/receive",
        "/staff/users/{user_id}/reinstate",
        "/staff/messages/{message_id}/retry",
        "/orders/{order_id}/cancel",
        "/staff/orders/{order_id}/cancel",
        "/staff/orders/{order_id}/settle",
    )
)
