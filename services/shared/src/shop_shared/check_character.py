"""Numbers that people say and type: characters not mistaken for others, and a check character.

ISO/IEC 7064:2003 (hybrid system MOD 37,36, characters 0-9A-Z) finds every mistyped character and
nearly every swap of neighbours, so a typo is told apart from an unknown number without looking it
up.
"""

UNMISTAKABLE = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32 (https://www.crockford.com/base32.html): no I, L, O and U."""
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Those that a check character may be."""


def check_character(body: str) -> str:
    """Return the check character of a body of 0-9A-Z by ISO 7064 MOD 37,36."""
    product = 36
    for character in body:
        product = (product + CHARACTERS.index(character)) % 36 or 36
        product = product * 2 % 37
    return CHARACTERS[(37 - product) % 36]
