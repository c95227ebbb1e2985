"""A product's pictures on the staff's pages: added, described, put in order, taken away."""

import io
import re
import secrets
from typing import Any

import httpx
from PIL import Image

from contract.browser import Browser

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M1 1h7v7z"/></svg>'
_FORM = re.compile(r'action="(/staff/products/[^"]+/pictures/[0-9a-f]{16})"')


def png(side: int = 40, colour: str = "teal") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(made, "PNG")
    return made.getvalue()


def noise(side: int) -> bytes:
    """A picture that compresses to hardly less than it is."""
    made = io.BytesIO()
    Image.frombytes("RGB", (side, side), secrets.token_bytes(side * side * 3)).save(made, "PNG")
    return made.getvalue()


def add(browser: Browser, path: str, content: bytes, media_type: str, alt: str = "") -> str:
    browser.get(path)
    browser.page = browser.http.post(
        f"{path}/pictures",
        data={"csrf": browser.field("csrf"), "alt": alt},
        files={"picture": ("picture", content, media_type)},
    )
    assert isinstance(browser.page, httpx.Response)
    return browser.page.text


def test_pictures_are_added_described_ordered_and_removed(
    staff_browser: Browser, product: dict[str, Any]
) -> None:
    path = f"/staff/products/{product['id']}"
    assert "The picture is added." in add(staff_browser, path, png(), "image/png", "from above")
    assert "The picture is added." in add(staff_browser, path, SVG, "image/svg+xml", "a drawing")
    first, second = _FORM.findall(staff_browser.page.text)
    shown = staff_browser.http.get(f"/products/{product['id']}").text
    assert shown.index('alt="from above"') < shown.index('alt="a drawing"')

    staff_browser.post(second, act="first", etag=staff_browser.field("etag"))
    assert _FORM.findall(staff_browser.page.text) == [second, first]
    staff_browser.post(first, act="describe", alt="a mug", etag=staff_browser.field("etag"))
    assert 'value="a mug"' in staff_browser.page.text
    stale = staff_browser.post(second, act="remove", etag='"1"')
    assert "It was changed meanwhile" in stale.text
    staff_browser.post(second, act="remove", etag=staff_browser.field("etag"))
    assert _FORM.findall(staff_browser.page.text) == [first]

    source = re.search(r'src="(/pictures/[^"]+)"', staff_browser.page.text)
    assert source
    answer = staff_browser.http.get(source[1].replace("&amp;", "&"))
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_photograph_of_some_megabytes_is_taken(
    staff_browser: Browser, product: dict[str, Any]
) -> None:
    large = noise(900)
    assert len(large) > 2_000_000
    path = f"/staff/products/{product['id']}"
    assert "The picture is added." in add(staff_browser, path, large, "image/png")


def test_what_is_no_picture_is_refused(staff_browser: Browser, product: dict[str, Any]) -> None:
    path = f"/staff/products/{product['id']}"
    scripted = SVG.replace(b"<path", b"<script/><path")
    for content, media_type in (
        (scripted, "image/svg+xml"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"hello", "text/plain"),
        (b"", "image/png"),
    ):
        said = add(staff_browser, path, content, media_type)
        assert 'class="problem"' in said
        assert not _FORM.findall(said)


def test_only_staff_send_anything_large(browser: Browser, product: dict[str, Any]) -> None:
    browser.sign_up()
    browser.get("/")
    path = f"/staff/products/{product['id']}/pictures"
    files = {"picture": ("picture", b"x" * 300_000, "image/png")}
    answer = browser.http.post(path, data={"csrf": browser.field("csrf")}, files=files)
    assert answer.status_code == 403
    assert "You may not open this page" in answer.text
    assert browser.http.post("/basket", files=files).status_code == 413
