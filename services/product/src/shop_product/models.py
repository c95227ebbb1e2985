"""What the catalogue and the stock are made of, as requests and answers show them."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    field_validator,
)

from shop_product.images.svg import check_svg
from shop_shared.models import OneLine, ResponseModel, StrictModel
from shop_shared.money import MAX_AMOUNT, Money

MAX_QUANTITY = 1_000_000_000
"""The most units one product can have: far under int64, so sums never overflow in the store."""

MAX_PRICE = MAX_AMOUNT // 1000
"""In minor units. An order is of at most 1,000 units, so that its total is money, too."""

_SKU = re.compile(r"[A-Z0-9][A-Z0-9._/+-]{0,63}")


def _normal_sku(text: str) -> str:
    """Return a SKU in its one spelling: trimmed, spaces as hyphens, small letters capitalised."""
    sku = re.sub(" +", "-", text.strip(" \t"))
    if sku.isascii():
        sku = sku.upper()
    if not _SKU.fullmatch(sku):
        raise ValueError(
            "a SKU is 1 to 64 letters a-z, digits and . _ - / +, and begins with a letter or digit;"
            " small letters are taken as capitals and spaces as hyphens"
        )
    return sku


Sku = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(_normal_sku),
    Field(examples=["MUG-BLUE-350"], description="Unique; small letters are taken as capitals"),
]
Category = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), OneLine
]
Brand = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100), OneLine]
Description = Annotated[str, StringConstraints(max_length=10_000)]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40), OneLine]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
AttributeValue = Annotated[str, StringConstraints(max_length=200), OneLine]
Svg = Annotated[str, StringConstraints(max_length=64 * 1024), AfterValidator(check_svg)]
Quantity = Annotated[int, Field(strict=True, ge=0, le=MAX_QUANTITY)]

EXAMPLE: dict[str, JsonValue] = {
    "sku": "MUG-BLUE-350",
    "name": "Blue mug, 350 ml",
    "description": "Stoneware, dishwasher safe.",
    "category": "kitchen",
    "brand": "Claywork",
    "tags": ["mug", "stoneware"],
    "price": {"amount": 1499, "currency": "USD"},
    "attributes": {"colour": "blue"},
}

ABSENT: Any = None
"""The default of a patch's fields: never validated, so that a null that was sent is refused."""


@dataclass(frozen=True, slots=True)
class Price(Money):
    """What a product costs."""

    amount: Annotated[int, Field(ge=0, le=MAX_PRICE, strict=True, examples=[1999])]


def one_price_a_currency(prices: list[Price]) -> list[Price]:
    """Reject two prices in the same currency: nobody could say which one holds."""
    currencies = [price.currency for price in prices]
    if len(set(currencies)) != len(currencies):
        raise ValueError("one price a currency")
    return prices


class ProductCreate(StrictModel):
    """A new product, with the stock it starts with."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**EXAMPLE, "initial_stock": 40, "low_stock_threshold": 5}]}
    )

    sku: Sku
    name: Name
    description: Description = ""
    category: Category
    brand: Brand = ""
    tags: list[Tag] = Field(default=[], max_length=20)
    price: Price
    other_prices: list[Price] = Field(
        default=[], max_length=10, description="The price in further currencies."
    )
    attributes: dict[AttributeName, AttributeValue] = Field(default={}, max_length=50)
    active: bool = Field(default=True, strict=True)
    image_svg: Svg | None = None
    initial_stock: Quantity = 0
    low_stock_threshold: Quantity = 5

    _prices = field_validator("other_prices")(one_price_a_currency)


class ProductPatch(StrictModel):
    """What changes; a field left out stays, and none can be null."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"price": {"amount": 1299, "currency": "USD"}}]}
    )

    name: Name = Field(default=ABSENT)
    description: Description = Field(default=ABSENT)
    category: Category = Field(default=ABSENT)
    brand: Brand = Field(default=ABSENT)
    tags: list[Tag] = Field(default=ABSENT, max_length=20)
    price: Price = Field(default=ABSENT)
    other_prices: list[Price] = Field(default=ABSENT, max_length=10)
    attributes: dict[AttributeName, AttributeValue] = Field(default=ABSENT, max_length=50)
    active: bool = Field(default=ABSENT, strict=True)
    image_svg: Svg | None = Field(
        default=None, description="The new main picture; null takes the main picture away."
    )

    _prices = field_validator("other_prices")(one_price_a_currency)


class ListedProduct(ResponseModel):
    """A product as lists show it."""

    id: UUID
    sku: str
    name: str
    category: str
    brand: str
    price: Money
    image_url: str | None
    available: int = Field(description="Units that can be bought now.")


class ProductImage(ResponseModel):
    """A picture of a product."""

    id: str = Field(description="Of its content", examples=["0123456789abcdef"])
    url: str = Field(description="Of its content, too: it may be cached for ever")
    main: bool = Field(description="Whether lists show it: the first")
    alt: str = Field(description="What it shows, for who cannot see it")
    media_type: str
    width: int | None = Field(description="Pixels; none of an SVG")
    height: int | None
    size: int | None = Field(description="Bytes; not known of the oldest SVGs")


class ProductImages(ResponseModel):
    """A product's pictures in order; the first is the main one."""

    items: list[ProductImage]


class ImageOrder(StrictModel):
    """The ids of all pictures of a product, in their new order."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"ids": ["0123456789abcdef", "fedcba9876543210"]}]}
    )

    ids: list[Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]] = Field(max_length=100)


Alt = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), OneLine]


class ImagePatch(StrictModel):
    """What changes of a picture."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"alt": "A blue mug, from above"}]})

    alt: Alt


class Product(ListedProduct):
    """A product in full."""

    images: list[ProductImage] = Field(description="The first is the main one")

    description: str
    tags: list[str]
    other_prices: list[Money]
    attributes: dict[str, str]
    active: bool
    version: int
    created_at: datetime
    updated_at: datetime


class CategoryCount(ResponseModel):
    """A category and how many active products it has."""

    category: str
    products: int


class Categories(ResponseModel):
    """All categories with active products, by name."""

    items: list[CategoryCount]


class Inventory(ResponseModel):
    """A product's stock: ``available = on_hand - reserved``."""

    product_id: UUID
    sku: str
    on_hand: int = Field(description="Units in the warehouse, the reserved ones among them.")
    reserved: int = Field(description="Units promised to orders that are not paid yet.")
    available: int
    sold: int
    low_stock_threshold: int
    version: int
    updated_at: datetime


class LowStock(ResponseModel):
    """A product with few units left."""

    product_id: UUID
    sku: str
    name: str
    available: int
    low_stock_threshold: int


class InventoryPut(StrictModel):
    """The counted stock; the difference is booked as a correction."""

    on_hand: Quantity
    low_stock_threshold: Quantity


AdjustmentReason = Literal["received", "damaged", "lost", "found", "returned", "correction"]


class AdjustmentCreate(StrictModel):
    """Units that came or went other than by an order."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"delta": 24, "reason": "received", "note": "PO 1042"}]}
    )

    delta: int = Field(strict=True, ge=-MAX_QUANTITY, le=MAX_QUANTITY)
    reason: AdjustmentReason
    note: Annotated[str, StringConstraints(max_length=500), OneLine] = ""

    @field_validator("delta")
    @classmethod
    def _moves_something(cls, delta: int) -> int:
        if delta == 0:
            raise ValueError("an adjustment moves at least one unit")
        return delta


class Adjustment(ResponseModel):
    """A line in the ledger of stock: who moved how much, and why."""

    id: UUID
    product_id: UUID
    delta: int
    reason: str
    note: str
    made_by: str
    made_at: datetime


class ImportLine(ResponseModel):
    """What became of one line of a bulk import."""

    line: int = Field(description="Counted from 1.")
    status: Literal["created", "updated", "unchanged", "invalid"]
    sku: str | None = None
    id: UUID | None = None
    errors: list[dict[str, str]] | None = None
