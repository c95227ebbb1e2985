"""Where a page may send a browser."""

import pytest

from shop_storefront.redirects import is_payment_page, own_path

ORIGINS = ("https://checkout.stripe.com", "http://127.0.0.1:8080")


@pytest.mark.parametrize("path", ["/", "/orders", "/?q=a%20b&sort=price", "/products/1"])
def test_own_pages_are_kept(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "orders",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/x\\..\\y",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\r\nSet-Cookie: a=b",
        " //evil.example",
        "/" + "a" * 3000,
    ],
)
def test_anything_else_is_the_first_page(path: str | None) -> None:
    assert own_path(path) == "/"


@pytest.mark.parametrize(
    "url", ["https://checkout.stripe.com/pay/1", "http://127.0.0.1:8080/pay/stripe/pi_1"]
)
def test_known_payment_pages_are_followed(url: str) -> None:
    assert is_payment_page(url, ORIGINS)


@pytest.mark.parametrize(
    "url",
    [
        "https://checkout.stripe.com.evil.example/",
        "https://evil.example/https://checkout.stripe.com",
        "https://checkout.stripe.com@evil.example/",
        "https://user@checkout.stripe.com/",
        "http://checkout.stripe.com/",
        "https://checkout.stripe.com:444/",
        "https://evil.example\\@checkout.stripe.com/",
        "javascript:alert(1)",
        "//checkout.stripe.com/",
        "http://127.0.0.1:80a0/",
        "",
    ],
)
def test_no_other_page_is(url: str) -> None:
    assert not is_payment_page(url, ORIGINS)
