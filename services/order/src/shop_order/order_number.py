"""Order numbers, for people: `MS-7K3Q-9F25`.

Seven random characters of Crockford's base 32 (35 bits) and a check character by ISO 7064
MOD 37,36, none of which is mistaken for another. Two new ones may be alike, so the table has them
unique; a number gives no right to anything, so guessing one is of no use (ADR 0055).
"""

import secrets

from shop_shared.check_character import UNMISTAKABLE, check_character

PATTERN = f"^MS-[{UNMISTAKABLE}]{{4}}-[{UNMISTAKABLE}]{{4}}$"
EXAMPLE = "MS-7K3Q-9F25"
_RANDOM = 7
_READ_AS = str.maketrans("ILO", "110")
"""What Crockford reads these letters as."""


class MistypedNumberError(ValueError):
    """No order has such a number."""


def generate() -> str:
    """Return a new order number."""
    while True:
        body = "".join(secrets.choice(UNMISTAKABLE) for _ in range(_RANDOM))
        check = check_character(body)
        if check in UNMISTAKABLE:  # four of the 36 check characters can be mistaken
            return _grouped(body + check)


def parse(text: str) -> str:
    """Return the order number that somebody typed, as it is stored.

    Case, spaces and dashes do not count, nor does a missing `MS`; I and L are read as 1, O as 0.
    Raises MistypedNumberError.
    """
    typed = text.replace("-", "").replace(" ", "").upper()
    if len(typed) > _RANDOM + 1:
        typed = typed.removeprefix("MS")
    typed = typed.translate(_READ_AS)
    if len(typed) != _RANDOM + 1 or not set(typed) <= set(UNMISTAKABLE):
        raise MistypedNumberError(f"an order number looks like {EXAMPLE}")
    if check_character(typed[:-1]) != typed[-1]:
        raise MistypedNumberError("mistyped: its last character does not fit the others")
    return _grouped(typed)


def _grouped(characters: str) -> str:
    return f"MS-{characters[:4]}-{characters[4:]}"
