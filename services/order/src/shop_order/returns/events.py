"""The events about returns that the order service publishes (topic order.events)."""

from typing import ClassVar
from uuid import UUID

from pydantic import Field, JsonValue

from shop_order.domain.returns import Return, ReturnEffect
from shop_order.events import OrderPayload, PricedLine, example, priced
from shop_shared.messaging.events import Event, EventPayload, event
from shop_shared.money import Money

_ABOUT: dict[str, JsonValue] = {
    "return_id": "01989f6a-0000-7000-8000-00000000000d",
    "lines": [
        {
            "product_id": "01989f6a-0000-7000-8000-000000000001",
            "quantity": 1,
            "sku": "MUG-1",
            "name": "Mug",
            "unit_price": {"amount": 999, "currency": "USD"},
        }
    ],
    "refund": {"amount": 999, "currency": "USD"},
}


class ReturnPayload(OrderPayload):
    """What every event of a return says."""

    return_id: UUID
    lines: tuple[PricedLine, ...] = Field(min_length=1)
    refund: Money = Field(description="What comes back for these goods")


class ReturnRequested(ReturnPayload):
    """The customer wants to send delivered goods back."""

    model_config = example(**_ABOUT, reason="damaged")
    type: ClassVar[str] = "minishop.order.return_requested.v1"

    reason: str = Field(examples=["damaged", "no_longer_wanted"])


class ReturnApproved(ReturnPayload):
    """The customer may send them."""

    model_config = example(**_ABOUT)
    type: ClassVar[str] = "minishop.order.return_approved.v1"


class ReturnRefused(ReturnPayload):
    """The goods are not taken back."""

    model_config = example(**_ABOUT, refusal="The seal of the box is broken.")
    type: ClassVar[str] = "minishop.order.return_refused.v1"

    refusal: str


class ReturnReceived(ReturnPayload):
    """The goods are here: give the money back, and put them on the shelf if they can be sold."""

    model_config = example(**_ABOUT, restock=True)
    type: ClassVar[str] = "minishop.order.return_received.v1"

    restock: bool


PUBLISHED: tuple[type[EventPayload], ...] = (
    ReturnRequested,
    ReturnApproved,
    ReturnRefused,
    ReturnReceived,
)


def of_return(returned: Return, effect: ReturnEffect) -> Event:
    """Make the event that publishes an effect of a return's transition."""
    about = {
        "order_id": returned.order_id,
        "order_number": returned.order_number,
        "customer_id": returned.customer_id,
        "return_id": returned.id,
        "lines": [priced(line) for line in returned.lines],
        "refund": returned.refund,
    }
    match effect:
        case ReturnEffect.REQUESTED:
            payload: EventPayload = ReturnRequested.model_validate(
                {**about, "reason": returned.reason}
            )
        case ReturnEffect.APPROVED:
            payload = ReturnApproved.model_validate(about)
        case ReturnEffect.REFUSED:
            payload = ReturnRefused.model_validate({**about, "refusal": returned.refusal})
        case ReturnEffect.RECEIVED:
            payload = ReturnReceived.model_validate({**about, "restock": returned.restock})
    return event(payload, key=returned.order_id)
