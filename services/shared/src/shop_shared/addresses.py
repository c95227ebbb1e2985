"""Postal addresses, as they are sent with an order or a shipment and as they are answered."""

import csv
from importlib.resources import files
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from shop_shared.models import Line, OneLine, PhoneNumber, ResponseModel, StrictModel

EXAMPLE: dict[str, JsonValue] = {
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
}


def _postal_code_required() -> dict[str, bool]:
    text = files("shop_shared").joinpath("data/countries.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["code"]: row["postal_code"] == "required" for row in rows}


_POSTAL_CODE_REQUIRED = _postal_code_required()
_MEANT = {"UK": "GB", "EL": "GR", "SU": "RU", "YU": "RS", "TP": "TL", "ZR": "CD", "BU": "MM"}
"""Codes in use that ISO 3166-1 does not assign (reserved or withdrawn), and the assigned one."""


def _assigned(code: str) -> str:
    if code in _POSTAL_CODE_REQUIRED:
        return code
    hint = f"; for {code} write {_MEANT[code]}" if code in _MEANT else ""
    raise ValueError(f"not a country of ISO 3166-1 alpha-2{hint}")


Country = Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["US"]), AfterValidator(_assigned)]
"""An officially assigned ISO 3166-1 alpha-2 code; `data/countries.csv` names source and date."""

PostalCode = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20), OneLine
]


def require_postal_code(country: str, postal_code: str | None) -> None:
    """Raise ValueError where the country's addresses have a postal code and this one has none.

    Countries without postal codes (HK, AE and others), and those where one may be left out, are in
    `data/countries.csv`.
    """
    if not postal_code and _POSTAL_CODE_REQUIRED.get(country, False):
        raise ValueError(f"an address in {country} needs a postal_code")


def _nothing(value: object) -> object:
    """Return None for an empty line: forms send one, and a stored address has one."""
    return None if isinstance(value, str) and not value.strip() else value


Nothing = BeforeValidator(_nothing)


class Address(StrictModel):
    """Where a parcel goes. An empty optional line is the same as none."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Line
    line1: Line
    line2: Annotated[Line | None, Nothing] = None
    city: Line
    region: Annotated[Line | None, Nothing] = None
    postal_code: Annotated[PostalCode | None, Nothing] = Field(
        None, description="Required where the country's addresses have one"
    )
    country: Country
    phone: Annotated[PhoneNumber | None, Nothing] = None

    @model_validator(mode="after")
    def _has_its_postal_code(self) -> Self:
        require_postal_code(self.country, self.postal_code)
        return self


class AddressView(ResponseModel):
    """An address as it is stored; the rules for new addresses may be stricter."""

    name: str
    line1: str
    line2: str | None = None
    city: str
    region: str | None = None
    postal_code: str | None = None
    country: str
    phone: str | None = None
