"""Tracking numbers: `MS`, twelve random characters, and a check character by ISO 7064 MOD 37,36.

ISO/IEC 7064:2003 (hybrid system MOD 37,36, characters 0-9A-Z) finds every mistyped character and
nearly every swap of neighbours, so a typo is told apart from an unknown parcel without looking it
up. Twelve characters of 32 are 60 bits: a number cannot be guessed, which is all that keeps the
public tracking page private (UPU S10's eight digits could be counted through).
"""

import secrets

_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_UNMISTAKABLE = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O and U."""
_PREFIX = "MS"
LENGTH = 15


def generate() -> str:
    """Return a new tracking number."""
    body = _PREFIX + "".join(secrets.choice(_UNMISTAKABLE) for _ in range(LENGTH - 3))
    return body + check_character(body)


def is_valid(number: str) -> bool:
    """Say whether number could be one of ours."""
    if len(number) != LENGTH or not number.startswith(_PREFIX):
        return False
    if not set(number) <= set(_CHARACTERS):
        return False
    return check_character(number[:-1]) == number[-1]


def check_character(body: str) -> str:
    """Return the check character of body (0-9A-Z) by ISO 7064 MOD 37,36."""
    product = 36
    for character in body:
        product = (product + _CHARACTERS.index(character)) % 36 or 36
        product = product * 2 % 37
    return _CHARACTERS[(37 - product) % 36]
