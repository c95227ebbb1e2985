"""The basket: a quantity that is none is told; no more is ordered than what was shown."""

from typing import Any

import pytest

from contract.browser import Browser
from contract.test_storefront_customer import ADDRESS, fill_basket


@pytest.mark.parametrize("quantity", ["-1", "1001", "1e3", "1.5", ""])
def test_a_quantity_that_is_none_changes_nothing_and_is_told(
    browser: Browser, product: dict[str, Any], quantity: str
) -> None:
    fill_basket(browser, product, 2)
    browser.post("/basket/lines", **{f"quantity-{product['id']}": quantity})
    assert "Enter a quantity from 0 to 1000." in browser.page.text
    assert "The basket is updated." not in browser.page.text
    assert f'name="quantity-{product["id"]}" value="2"' in browser.page.text


def test_nobody_pays_another_total_than_the_one_they_saw(
    customer: Browser, product: dict[str, Any]
) -> None:
    """A price has changed, or another tab has filled the basket further."""
    fill_basket(customer, product)
    customer.get("/checkout")
    seen = {name: customer.field(name) for name in ("key", "currency", "total")}
    fill_basket(customer, product)
    customer.get("/checkout")
    form = {"way": "paypal:paypal", **ADDRESS}
    page = customer.post("/checkout", **seen, **form)
    assert (page.status_code, page.url.path) == (422, "/checkout")
    assert "What you order costs another sum than before." in page.text
    assert ADDRESS["city"] in page.text
    now = {name: customer.field(name) for name in ("key", "currency", "total")}
    assert customer.post("/checkout", **now, **form).url.path.startswith("/orders/")
