"""Who may do what on the storefront's pages: forms, sessions, redirects, bodies."""

import re
from typing import Any

import httpx
import pytest
from shop_servers.http import client_of
from starlette.routing import Route

from contract.browser import Browser
from contract.services import SERVICES
from contract.test_storefront_customer import fill_basket, place_order
from shop_shared.cli import sample_settings
from shop_shared.http.slow_readers import PublicHttpProtocol
from shop_storefront import pages, staff
from shop_storefront.main import create
from shop_storefront.settings import Settings

ID = "00000000-0000-7000-8000-000000000000"


def routes(method: str) -> list[str]:
    """Return the paths of every page that takes a method, ids filled in."""
    found = [
        re.sub(r"\{[^}]+\}", ID, route.path)
        for router in (*pages.ROUTERS, *staff.ROUTERS)
        for route in router.routes
        if isinstance(route, Route) and method in (route.methods or ())
    ]
    assert len(found) > 15
    return sorted(set(found))


def test_the_pages_are_all_there_is() -> None:
    app = create(sample_settings(Settings)).app
    served = {route.path for route in app.routes if isinstance(route, Route)}
    known = {
        route.path
        for router in (*pages.ROUTERS, *staff.ROUTERS)
        for route in router.routes
        if isinstance(route, Route)
    }
    health = {"/livez", "/readyz", "/startupz", "/metrics", "/openapi.json"}
    assert served - known <= health


def test_strangers_connect_to_what_waits_for_no_slow_reader() -> None:
    assert create(sample_settings(Settings)).protocol is PublicHttpProtocol
    assert SERVICES["gateway"].create().protocol is PublicHttpProtocol


@pytest.mark.parametrize("path", routes("POST"))
@pytest.mark.parametrize("token", [None, "", "wrong", "of another session"])
def test_no_form_counts_without_its_session_s_token(
    staff_visit: Browser, storefront: str, path: str, token: str | None
) -> None:
    if token == "of another session":
        with client_of(storefront) as other:
            stranger = Browser(other)
            stranger.get("/")
            token = stranger.field("csrf")
    answer = staff_visit.http.post(
        path, data={} if token is None else {"csrf": token}, follow_redirects=False
    )
    assert answer.status_code == 403
    assert "The form was too old" in answer.text


@pytest.mark.parametrize("path", [*routes("GET"), "/nowhere", "/static/shop.css"])
def test_every_answer_says_how_little_it_may_do(staff_visit: Browser, path: str) -> None:
    answer = staff_visit.http.get(path, follow_redirects=False)
    assert answer.status_code < 500, answer.text
    policy = answer.headers["content-security-policy"]
    if not path.startswith("/pictures"):
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"]


@pytest.mark.parametrize("path", [each for each in routes("GET") if each.startswith("/staff")])
def test_staff_pages_are_for_staff(browser: Browser, path: str) -> None:
    assert browser.get(path).url.path == "/sign-in"
    browser.sign_up()
    page = browser.get(path)
    assert page.status_code == 403
    assert "You may not open this page" in page.text


@pytest.mark.parametrize("path", [each for each in routes("POST") if each.startswith("/staff")])
def test_what_staff_do_is_for_staff(browser: Browser, path: str) -> None:
    browser.sign_up()
    assert browser.post(path, key="k", delta="1", role="admin").status_code == 403


@pytest.mark.parametrize(
    "path",
    [each for each in routes("GET") if each.startswith(("/account", "/orders", "/checkout"))],
)
def test_a_customer_s_pages_ask_for_a_sign_in(browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert page.url.path == "/sign-in"
    assert page.url.params["next"] == path


@pytest.mark.parametrize("path", ["/orders?cursor=abc", "/account/verify?channel=phone&a=b%26c"])
def test_a_sign_in_leads_back_to_the_page_that_was_asked_for(browser: Browser, path: str) -> None:
    assert browser.get(path).url.params["next"] == path


def test_another_s_order_does_not_exist(
    browser: Browser, other_browser: Browser, product: dict[str, Any]
) -> None:
    browser.sign_up()
    fill_basket(browser, product)
    order = place_order(browser).url.path
    assert browser.get(order).status_code == 200
    other_browser.sign_up()
    for path in (order, f"{order}/progress", f"{order}/events"):
        assert other_browser.get(path).status_code == 404
    other_browser.get("/")
    assert other_browser.post(f"{order}/cancel").status_code == 404
    other_browser.get(f"{order}/pay")
    assert other_browser.page.status_code == 404 or "nothing to pay" in other_browser.page.text
    assert "Cancelled" not in browser.get(order).text


def test_a_session_that_was_prepared_is_never_taken_over(
    browser: Browser, other_browser: Browser, storefront: str
) -> None:
    prepared = "prepared-by-somebody-else"
    answer = httpx.get(storefront, cookies={"minishop_session": prepared}, timeout=60)
    assert answer.cookies["minishop_session"] not in {"", prepared}
    # A session of the shop's own, planted in a victim's browser, ends when the victim signs in.
    other_browser.get("/")
    planted = other_browser.cookie
    plant(browser, planted)
    browser.sign_up()
    assert browser.cookie != planted
    assert other_browser.get("/account").url.path == "/sign-in"


def plant(browser: Browser, cookie: str) -> None:
    browser.http.cookies.clear()
    browser.http.cookies.set("minishop_session", cookie, domain="127.0.0.1", path="/")


def test_signing_in_and_out_changes_the_session(browser: Browser) -> None:
    browser.get("/")
    before = browser.cookie
    browser.sign_up()
    during = browser.cookie
    browser.get("/")
    browser.post("/sign-out")
    assert len({before, during, browser.cookie}) == 3
    plant(browser, during)
    assert browser.get("/account").url.path == "/sign-in"


def test_the_cookie_is_out_of_scripts_reach(storefront: str) -> None:
    plain = httpx.get(storefront, timeout=60).headers["set-cookie"].lower()
    assert "httponly" in plain
    assert "samesite=lax" in plain
    assert "secure" not in plain  # this is no TLS; test_behind_tls has it


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_nobody_is_sent_to_another_site(browser: Browser, wanted: str) -> None:
    email = browser.sign_up()
    browser.get("/")
    browser.post("/sign-out")
    assert browser.get(f"/sign-in?next={wanted}").url.host == "127.0.0.1"
    assert "evil.example" not in browser.field("next")
    browser.http.follow_redirects = False
    answer = browser.post("/sign-in", email=email, password="correct horse battery", next=wanted)
    assert answer.headers["location"] == "/"
    browser.get("/basket")
    answer = browser.post("/preferences", next=wanted)
    assert answer.headers["location"] == "/"


IDNA = "multipart/form-data; boundary=a; charset=idna"


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"csrf=" + b"x" * 300_000, "application/x-www-form-urlencoded", 413),
        (b"\xff\xfe=%ff%00&csrf=%00", "application/x-www-form-urlencoded", 403),
        (b"not a form", "multipart/form-data", 400),
        (b'--a\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nx\r\n--a--', IDNA, 415),
        (b"&".join(b"a%d=1" % n for n in range(1000)), "application/x-www-form-urlencoded", 400),
    ],
)
def test_no_body_breaks_a_page(
    browser: Browser, content: bytes, media_type: str, status: int
) -> None:
    browser.get("/")
    answer = browser.http.post("/basket", content=content, headers={"Content-Type": media_type})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>" in answer.text


@pytest.mark.parametrize("agent", ["Laden/1.0 (Tablet; \u4e2d\u6587)", "caf\xe9"])
def test_a_browser_whose_name_is_not_ascii_signs_in(browser: Browser, agent: str) -> None:
    browser.http.headers["User-Agent"] = agent
    browser.sign_up()
    assert browser.get("/account/sessions").status_code == 200


@pytest.mark.parametrize("etag", ['"\u4e2d"', '"caf\xe9"', '"9"\r\nX-User-Id: 1'])
def test_a_version_that_is_none_is_told(browser: Browser, etag: str) -> None:
    browser.sign_up()
    browser.get("/account")
    answer = browser.post("/account", name="Ada", phone="", locale="en", etag=etag)
    assert answer.status_code == 422
    assert 'class="problem"' in answer.text
