"""The storefront counts minor units as the API does."""

import re
from importlib.resources import files

from shop_shared.money import _MINOR_DIGITS

SCRIPT = (files("shop_gateway") / "storefront" / "shop.js").read_text("utf-8")


def test_its_digits_are_those_of_the_api() -> None:
    table = re.search(r"const DIGITS = .*?\n}\)", SCRIPT, re.DOTALL)
    assert table
    said = {
        code: int(digits)
        for digits, codes in re.findall(r'(\d): "([A-Z ]+)"', table[0])
        for code in codes.split()
    }
    assert said == {code: digits for code, digits in _MINOR_DIGITS.items() if digits != 2}
