"""Addresses: ISO 3166 countries, and postal codes where the country has them."""

from typing import Any

import pytest
from pydantic import ValidationError

from shop_shared.addresses import EXAMPLE, Address, AddressView


def address(**changes: Any) -> Address:
    return Address.model_validate({**EXAMPLE, **changes})


@pytest.mark.parametrize("country", ["HK", "AE", "MO", "QA", "IE", "PA", "JM", "BS", "UG", "FJ"])
def test_a_postal_code_may_be_left_out_where_a_country_has_none(country: str) -> None:
    left_out = {key: value for key, value in EXAMPLE.items() if key != "postal_code"}
    assert Address.model_validate({**left_out, "country": country}).postal_code is None
    assert address(country=country, postal_code=None).postal_code is None
    assert address(country=country, postal_code="123").postal_code == "123"


@pytest.mark.parametrize("field", ["line2", "region", "phone", "postal_code"])
@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_optional_line_is_none(field: str, empty: str | None) -> None:
    """As the address book stores it."""
    assert getattr(address(**{"country": "HK", field: empty}), field) is None


@pytest.mark.parametrize("field", ["name", "line1", "city"])
def test_a_line_that_must_be_there_is_not_empty(field: str) -> None:
    for empty in ("", " ", None):
        with pytest.raises(ValidationError):
            address(**{field: empty})


@pytest.mark.parametrize("country", ["GB", "US", "DE", "JP", "FR", "IN", "BR"])
def test_a_postal_code_is_required_where_a_country_has_them(country: str) -> None:
    with pytest.raises(ValidationError, match=f"an address in {country} needs a postal_code"):
        address(country=country, postal_code=None)


@pytest.mark.parametrize(
    ("code", "assigned"), [("UK", "GB"), ("EL", "GR"), ("SU", "RU"), ("TP", "TL")]
)
def test_a_code_that_is_not_assigned_is_refused_with_the_one_that_is(
    code: str, assigned: str
) -> None:
    with pytest.raises(ValidationError, match=f"for {code} write {assigned}"):
        address(country=code)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize("code", ["ZZ", "AA", "XK", "XA", "QM", "QZ", "EU", "UN", "AN", "AC"])
def test_reserved_and_user_assigned_codes_are_refused(code: str) -> None:
    with pytest.raises(ValidationError, match="not a country of ISO 3166-1"):
        address(country=code)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def test_249_countries_are_assigned() -> None:
    def accepted(code: str) -> bool:
        try:
            address(country=code)
        except ValidationError:
            return False
        return True

    assert sum(accepted(one + other) for one in LETTERS for other in LETTERS) == 249


def test_what_was_stored_under_older_rules_can_still_be_read() -> None:
    assert AddressView.model_validate({**EXAMPLE, "country": "ZZ"}).country == "ZZ"
