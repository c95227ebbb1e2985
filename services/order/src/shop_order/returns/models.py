"""The data of returns as it is sent and received."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, field_validator

from shop_order import domain, order_number
from shop_order.domain.returns import Return as DomainReturn
from shop_order.domain.returns import ReturnStatus
from shop_order.models import MAX_LINES, MAX_QUANTITY, Line
from shop_shared.models import OneLine, ResponseModel, StrictModel
from shop_shared.money import Money

_PRODUCT = "01989f6a-0000-7000-8000-000000000001"


class ReturnReason(StrEnum):
    """Why goods come back."""

    DAMAGED = "damaged"
    NOT_AS_DESCRIBED = "not_as_described"
    WRONG_ITEM = "wrong_item"
    NO_LONGER_WANTED = "no_longer_wanted"
    OTHER = "other"


class ReturnedItem(StrictModel):
    """Units to be returned."""

    product_id: UUID
    quantity: int = Field(strict=True, ge=1, le=MAX_QUANTITY)


class RequestReturn(StrictModel):
    """Goods to be returned; without `items`, all that are left of the order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"items": [{"product_id": _PRODUCT, "quantity": 1}], "reason": "damaged"},
            ]
        }
    )

    items: tuple[ReturnedItem, ...] | None = Field(None, min_length=1, max_length=MAX_LINES)
    reason: ReturnReason

    @field_validator("items")
    @classmethod
    def _each_product_once(
        cls, items: tuple[ReturnedItem, ...] | None
    ) -> tuple[ReturnedItem, ...] | None:
        if items is not None and len({item.product_id for item in items}) < len(items):
            raise ValueError("each product may be listed once")
        return items


class RefuseReturn(StrictModel):
    """Why goods are not taken back: the customer reads it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "The seal of the box is broken."}]}
    )

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), OneLine
    ]


class ReceiveReturn(StrictModel):
    """The goods are here."""

    restock: bool = Field(strict=True, description="Whether they can be sold again")


class Return(ResponseModel):
    """A return as its customer sees it."""

    id: UUID
    order_id: UUID
    order_number: str = Field(pattern=order_number.PATTERN, examples=[order_number.EXAMPLE])
    customer_id: UUID
    status: ReturnStatus
    lines: tuple[Line, ...]
    reason: ReturnReason
    refund: Money = Field(description="What comes back for it: what it cost, or what is left of it")
    restock: bool | None = Field(description="Whether the goods can be sold again; null until here")
    refusal: str | None = Field(description="Why it was refused")
    requested_at: datetime
    version: int


def return_view(returned: DomainReturn) -> Return:
    """Return what its customer sees of a return."""
    return Return(
        id=returned.id,
        order_id=returned.order_id,
        order_number=returned.order_number,
        customer_id=returned.customer_id,
        status=returned.status,
        lines=_lines(returned.lines),
        reason=ReturnReason(returned.reason),
        refund=returned.refund,
        restock=returned.restock,
        refusal=returned.refusal,
        requested_at=returned.requested_at,
        version=returned.version,
    )


def _lines(lines: Sequence[domain.Line]) -> tuple[Line, ...]:
    return tuple(Line.model_validate(line) for line in lines)
