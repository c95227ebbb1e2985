"""Where parcels go, as it is sent with an order or a shipment."""

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from shop_shared.models import Line, StrictModel

Country = Annotated[str, Field(pattern="^[A-Z]{2}$", examples=["US"])]
"""ISO 3166-1 alpha-2."""

EXAMPLE: dict[str, JsonValue] = {
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
}


class Address(StrictModel):
    """Where a parcel goes."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Line
    line1: Line
    line2: Line | None = None
    city: Line
    region: Line | None = None
    postal_code: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)
    ]
    country: Country
    phone: Annotated[str, Field(pattern=r"^\+[0-9]{6,15}$", examples=["+442079460000"])] | None = (
        None
    )
