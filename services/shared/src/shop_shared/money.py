"""Money: whole minor units and a currency, never a float."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_AMOUNT = 10**15
"""Far above any order, far below what a 64-bit column or a JSON number (2^53) can hold."""

# ISO 4217, the active national currencies, by number of minor digits.
_DIGITS: dict[str, int] = dict.fromkeys(
    [
        "AED",
        "AFN",
        "ALL",
        "AMD",
        "ANG",
        "AOA",
        "ARS",
        "AUD",
        "AWG",
        "AZN",
        "BAM",
        "BBD",
        "BDT",
        "BGN",
        "BMD",
        "BND",
        "BOB",
        "BRL",
        "BSD",
        "BTN",
        "BWP",
        "BYN",
        "BZD",
        "CAD",
        "CDF",
        "CHF",
        "CNY",
        "COP",
        "CRC",
        "CUP",
        "CVE",
        "CZK",
        "DKK",
        "DOP",
        "DZD",
        "EGP",
        "ERN",
        "ETB",
        "EUR",
        "FJD",
        "FKP",
        "GBP",
        "GEL",
        "GHS",
        "GIP",
        "GMD",
        "GTQ",
        "GYD",
        "HKD",
        "HNL",
        "HTG",
        "HUF",
        "IDR",
        "ILS",
        "INR",
        "IRR",
        "JMD",
        "KES",
        "KGS",
        "KHR",
        "KPW",
        "KYD",
        "KZT",
        "LAK",
        "LBP",
        "LKR",
        "LRD",
        "LSL",
        "MAD",
        "MDL",
        "MGA",
        "MKD",
        "MMK",
        "MNT",
        "MOP",
        "MRU",
        "MUR",
        "MVR",
        "MWK",
        "MXN",
        "MYR",
        "MZN",
        "NAD",
        "NGN",
        "NIO",
        "NOK",
        "NPR",
        "NZD",
        "PAB",
        "PEN",
        "PGK",
        "PHP",
        "PKR",
        "PLN",
        "QAR",
        "RON",
        "RSD",
        "RUB",
        "SAR",
        "SBD",
        "SCR",
        "SDG",
        "SEK",
        "SGD",
        "SHP",
        "SLE",
        "SOS",
        "SRD",
        "SSP",
        "STN",
        "SVC",
        "SYP",
        "SZL",
        "THB",
        "TJS",
        "TMT",
        "TOP",
        "TRY",
        "TTD",
        "TWD",
        "TZS",
        "UAH",
        "USD",
        "UYU",
        "UZS",
        "VED",
        "VES",
        "WST",
        "XCD",
        "YER",
        "ZAR",
        "ZMW",
        "ZWG",
    ],
    2,
)
_DIGITS |= dict.fromkeys(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ],
    0,
)
_DIGITS |= dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)


def minor_digits(currency: str) -> int:
    """Return the number of digits after the point in ISO 4217 (2 for USD and IDR, 0 for JPY).

    A provider may count otherwise (Xendit and Midtrans take whole rupiah; Stripe takes 2 digits of
    them, as ISO does): its adapter knows.
    """
    return _DIGITS[currency]


def _known(currency: str) -> str:
    if currency not in _DIGITS:
        raise ValueError("not an ISO 4217 currency")
    return currency


Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["USD"]), AfterValidator(_known)]


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were put together."""


class Money(BaseModel):
    """An amount in minor units (1999 USD is $19.99), ≥ 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: int = Field(ge=0, le=MAX_AMOUNT, strict=True, examples=[1999])
    currency: Currency

    def __add__(self, other: Self) -> Self:
        self._same(other)
        return self.model_copy(update={"amount": self.amount + other.amount})

    def __sub__(self, other: Self) -> Self:
        self._same(other)
        if other.amount > self.amount:
            raise ValueError("money is never negative")
        return self.model_copy(update={"amount": self.amount - other.amount})

    def __mul__(self, quantity: int) -> Self:
        return self.model_copy(update={"amount": self.amount * quantity})

    def _same(self, other: Self) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency}")
