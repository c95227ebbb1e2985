"""Whose pages are whose, on every route that names a thing; and where a page may send a browser."""

import re
from urllib.parse import urlsplit

import httpx

from contract.browser import Browser
from contract.shop import Shop
from contract.storefront_things import Things
from contract.test_storefront_security import routes
from shop_storefront import pages, staff
from storefront_pages import filled_in, paths

EVIL = "https://evil.example/"
ADMINS_ONLY = ("suspend", "reinstate", "roles", "delete")


def of_a_thing(method: str) -> list[str]:
    """Return the customers' routes that name something of somebody's."""
    return [
        path for path in paths(pages.ROUTERS, method) if re.search(r"{(order|address)_id}", path)
    ]


def test_what_is_another_s_does_not_exist(
    customer: Browser, other_browser: Browser, shop: Shop, things: Things
) -> None:
    other_browser.sign_up()
    ids = things.ids | {"order_id": things.ids["waiting_id"]}
    assert len(of_a_thing("GET")) >= 7
    assert len(of_a_thing("POST")) >= 4
    before = _as_owner(customer, ids)
    for path in of_a_thing("GET"):
        address = filled_in(path, ids)
        assert other_browser.get(address).status_code == 404, address
        assert "St James" not in other_browser.page.text, address
    for path in of_a_thing("POST"):
        other_browser.get("/")
        form = {"way": "paypal:paypal", "key": "k", "etag": "*", "delete": "1", "reason": "other"}
        form[f"quantity-{ids['product_id']}"] = "1"
        answer = other_browser.post(filled_in(path, ids), **form)
        assert answer.status_code == 404, path
    assert _as_owner(customer, ids) == before


def _as_owner(customer: Browser, ids: dict[str, str]) -> list[str]:
    """Return what the owner sees of the order and the address, without what is made each time."""
    seen = [
        customer.get(f"/orders/{ids['order_id']}").text,
        customer.get("/account/addresses").text,
    ]
    return [re.sub(r'name="(csrf|key)" value="[^"]+"', "", page) for page in seen]


def test_no_page_and_no_form_leads_to_another_site(staff_visitor: Browser) -> None:
    """Every route is told in every way that has been in use where to go on."""
    wanted = dict.fromkeys(("next", "url", "return_to", "redirect", "continue"), EVIL)
    for path in routes("GET"):
        answer = staff_visitor.http.get(path, params=wanted, follow_redirects=False)
        _assert_own(path, answer)
    email = _email(staff_visitor)
    for path in routes("POST"):
        if staff_visitor.get("/account").url.path == "/sign-in":  # one of them signs out
            staff_visitor.sign_in(email)
        staff_visitor.get("/")
        staff_visitor.http.follow_redirects = False
        _assert_own(path, staff_visitor.post(path, **wanted))
        staff_visitor.http.follow_redirects = True


def _assert_own(path: str, answer: httpx.Response) -> None:
    assert answer.status_code < 500, path
    target = urlsplit(answer.headers.get("location", "/"))
    assert (target.scheme, target.netloc) == ("", ""), f"{path} led to {target.geturl()}"
    assert target.path.startswith("/"), path
    assert not target.path.startswith(("//", "/\\")), path


def _email(browser: Browser) -> str:
    found = re.search(r"[\w.-]+@example\.com", browser.get("/account").text)
    assert found
    return found[0]


def test_what_is_for_administrators_is_not_for_staff(
    staff_visitor: Browser, other_browser: Browser, shop: Shop, things: Things
) -> None:
    other_browser.sign_up()
    email = _email(other_browser)
    page = staff_visitor.get(f"/staff/users?email={email}").text
    [user] = re.findall(r'href="(/staff/users/[0-9a-f-]{36})"', page)
    staff_visitor.get(user)
    staff_visitor.post(f"{user}/roles", role=["customer", "staff"])
    other_browser.get("/")
    other_browser.post("/sign-out")
    other_browser.sign_in(email)
    shown = other_browser.get(f"/staff/users/{things.ids['user_id']}")
    assert shown.status_code == 200
    assert "Suspend" not in shown.text
    of_admins = [each for each in paths(staff.ROUTERS, "POST") if each.endswith(ADMINS_ONLY)]
    assert len(of_admins) == len(ADMINS_ONLY)
    for path in of_admins:
        other_browser.get("/staff")
        answer = other_browser.post(filled_in(path, things.ids), role="admin")
        assert answer.status_code == 403, path
    assert "Suspend the user" in staff_visitor.get(f"/staff/users/{things.ids['user_id']}").text
