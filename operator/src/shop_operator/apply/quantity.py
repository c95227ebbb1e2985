"""Kubernetes quantities, in whatever way they are written.

Source: Kubernetes documentation, "Quantity"; k8s.io/apimachinery/pkg/api/resource.
"""

import re
from fractions import Fraction
from math import ceil
from typing import Final

_FORM: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<number>[0-9]{1,99}(?:\.[0-9]{0,99})?|\.[0-9]{1,99})"
    r"(?P<suffix>[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2}|)"
)
"""What is longer is taken for no quantity: 1e999999999 would be computed for hours."""
_DECIMAL: Final = {"n": -3, "u": -2, "m": -1, "": 0} | {
    unit: power for power, unit in enumerate("kMGTPE", start=1)
}
_BINARY: Final = {f"{unit}i": power for power, unit in enumerate("KMGTPE", start=1)}
_FINEST: Final = 1000
_LARGEST: Final = 2**63 - 1


def same_quantity(one: object, other: object) -> bool:
    """Return True if both are quantities of the same amount, such as 2.5m and 2500u."""
    amount = amount_of(one)
    return amount is not None and amount == amount_of(other)


def amount_of(value: object) -> Fraction | None:
    """Return the amount as the API server keeps it, or None if the value is no quantity.

    It rounds away from zero to a thousandth (2.5m is 2500u in the answer to a write, and 3m in the
    next read), and takes nothing larger than 2^63-1.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    form = _FORM.fullmatch(str(value).strip())
    if form is None:
        return None
    suffix = form["suffix"]
    if suffix in _BINARY:
        scale = Fraction(1024) ** _BINARY[suffix]
    elif suffix in _DECIMAL:
        scale = Fraction(1000) ** _DECIMAL[suffix]
    else:
        scale = Fraction(10) ** int(suffix[1:])
    rounded = Fraction(ceil(Fraction(_whole(form["number"])) * scale * _FINEST), _FINEST)
    amount = min(rounded, Fraction(_LARGEST))
    return -amount if form["sign"] == "-" else amount


def _whole(number: str) -> str:
    """Return the number with a digit on both sides of its point: Python reads no `1.`."""
    before, _, after = number.partition(".")
    return f"{before or 0}.{after or 0}"
