"""What people are told of a field, in place of what the API tells programs."""

import pytest

from shop_storefront.wording import of_field


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("String should have at least 1 character", "Fill this in."),
        ("Field required", "Fill this in."),
        ("String should have at least 10 characters", "It must have at least 10 characters."),
        ("String should have at most 1 character", "It may have at most 1 characters."),
        ("String should have at most 100 characters", "It may have at most 100 characters."),
        ("Value error, An email address must have an @-sign.", "This is no e-mail address."),
        (
            "String should match pattern '^[A-Z]{2}$'",
            "Fill this in, in the form that is asked for.",
        ),
        ("Input should be a valid UUID", "Fill this in, in the form that is asked for."),
        ("Value error, GB has postal codes", "GB has postal codes"),
        ("not a time zone", "not a time zone"),
    ],
)
def test_a_field_s_problem_is_in_plain_words(message: str, text: str) -> None:
    found, values = of_field(message)
    assert (found % values if values else found) == text
