"""Order numbers: as people say and type them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_order import order_number
from shop_order.order_number import MistypedNumberError, generate, parse
from shop_shared.check_character import UNMISTAKABLE

MOST_ALIKE = 3
"""Of 100,000 numbers of 34 billion, 0.15 pairs are alike on average."""


def test_new_numbers_have_the_pattern_and_differ() -> None:
    made = [generate() for _ in range(100_000)]
    assert all(re.fullmatch(order_number.PATTERN, number) for number in made[:1000])
    assert len(made) - len(set(made)) <= MOST_ALIKE
    assert all(parse(number) == number for number in made[:1000])


@pytest.mark.parametrize(
    "typed",
    ["MS-7K3Q-9F25", "ms-7k3q-9f25", "7k3q9f25", " ms 7K3Q 9F25 ", "7K3Q-9F25", "MS7K3Q9F25"],
)
def test_a_number_is_read_as_people_type_it(typed: str) -> None:
    assert parse(typed) == "MS-7K3Q-9F25"


def test_letters_that_are_mistaken_for_digits_are_read_as_those() -> None:
    number = next(n for n in (generate() for _ in range(10_000)) if {"0", "1"} <= set(n))
    assert parse(number.replace("0", "o").replace("1", "l")) == number
    assert parse(number.replace("0", "O").replace("1", "I")) == number


@given(st.data())
def test_one_mistyped_character_is_always_found(data: st.DataObject) -> None:
    number = data.draw(st.builds(generate))
    place = data.draw(st.sampled_from([3, 4, 5, 6, 8, 9, 10, 11]))
    other = data.draw(st.sampled_from(sorted(set(UNMISTAKABLE) - {number[place]})))
    with pytest.raises(MistypedNumberError):
        parse(number[:place] + other + number[place + 1 :])


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_number_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except MistypedNumberError:
        return
    assert re.fullmatch(order_number.PATTERN, found)
    assert parse(found) == found
