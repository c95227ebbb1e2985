import pytest

from shop_shared.check_character import CHARACTERS, check_character
from shop_shipping.tracking_number import generate, is_valid


def test_the_check_character_is_iso_7064s() -> None:
    # GRid A1-2425G-ABC1234002-M: the example of the GRid standard, IFPI, whose check is MOD 37,36.
    assert check_character("A12425GABC1234002") == "M"


def test_a_generated_number_is_valid_and_new() -> None:
    numbers = {generate() for _ in range(1000)}
    assert len(numbers) == 1000
    assert all(is_valid(number) for number in numbers)


def test_every_mistyped_character_is_found() -> None:
    number = generate()
    for place in range(len(number)):
        for other in CHARACTERS:
            if other != number[place]:
                assert not is_valid(number[:place] + other + number[place + 1 :])


@pytest.mark.parametrize("number", ["", "MS", "ms0000000000000", "MS😀00000000000", "X" * 15])
def test_nonsense_is_not_valid(number: str) -> None:
    assert not is_valid(number)
