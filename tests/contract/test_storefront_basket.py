"""Quantities in the basket: what is none is told, and changes nothing."""

from typing import Any

import pytest

from contract.browser import Browser
from contract.test_storefront_customer import fill_basket


@pytest.mark.parametrize("quantity", ["-1", "1001", "1e3", "1.5", ""])
def test_a_quantity_that_is_none_changes_nothing_and_is_told(
    browser: Browser, product: dict[str, Any], quantity: str
) -> None:
    fill_basket(browser, product, 2)
    browser.post("/basket/lines", **{f"quantity-{product['id']}": quantity})
    assert "Enter a quantity from 0 to 1000." in browser.page.text
    assert "The basket is updated." not in browser.page.text
    assert f'name="quantity-{product["id"]}" value="2"' in browser.page.text
