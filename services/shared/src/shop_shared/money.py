"""Money: a whole number of minor units and an ISO 4217 currency, never a float."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field

MAX_AMOUNT = 10**15
"""In minor units: far above any order, far below what a JSON number (2^53) can hold exactly."""


def _minor_digits() -> Mapping[str, int]:
    text = files("shop_shared").joinpath("data/iso4217.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["code"]: int(row["minor_digits"]) for row in rows}


_MINOR_DIGITS = _minor_digits()


def minor_digits(currency: str) -> int:
    """Return the number of decimal places of a currency by ISO 4217: 2 for USD and IDR, 0 for JPY.

    The list is `data/iso4217.csv`, which names its source and date. A payment provider may count
    otherwise (Xendit and Midtrans take whole rupiah); its adapter converts. Raises KeyError.
    """
    return _MINOR_DIGITS[currency]


def _known(currency: str) -> str:
    if currency not in _MINOR_DIGITS:
        raise ValueError("not an ISO 4217 currency")
    return currency


Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["USD"]), AfterValidator(_known)]


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were added, subtracted or compared."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (1999 USD is $19.99), ≥ 0."""

    amount: Annotated[int, Field(ge=0, le=MAX_AMOUNT, strict=True, examples=[1999])]
    currency: Currency

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def __post_init__(self) -> None:
        """Raise ValueError for an amount out of bounds and for an unknown currency."""
        if not 0 <= self.amount <= MAX_AMOUNT:
            raise ValueError(f"money is 0 to {MAX_AMOUNT} minor units, not {self.amount}")
        _known(self.currency)

    def __add__(self, other: "Money") -> "Money":
        """Return the sum. Raises CurrencyMismatchError."""
        return Money(self.amount + self._same_currency(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """Return the difference. Raises CurrencyMismatchError, and ValueError below zero."""
        return Money(self.amount - self._same_currency(other), self.currency)

    def __mul__(self, quantity: int) -> "Money":
        """Return the price of so many."""
        return Money(self.amount * quantity, self.currency)

    def _same_currency(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency}")
        return other.amount
