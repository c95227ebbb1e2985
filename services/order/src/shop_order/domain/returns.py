"""Returns of delivered goods: asked for, decided by staff, received, and refunded by payment.

    requested -> approved -> received -> refunded <-> refund_failed
              -> refused

`request_return` makes one of an order; `decide_return` returns the transition that a message makes.
No unit is returned twice, and no more money is asked back than the order still has.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shop_order.domain.order import Line, Order, Status
from shop_shared import transition
from shop_shared.money import Money


class ReturnStatus(StrEnum):
    """Where a return stands."""

    REQUESTED = "requested"
    """The customer wants to send goods back; staff have not answered."""
    APPROVED = "approved"
    """The customer may send them."""
    REFUSED = "refused"
    RECEIVED = "received"
    """The goods are here; their money is on its way back."""
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    """The goods are here, and the provider did not return the money: a person has to."""


GIVEN_UP = frozenset({ReturnStatus.REFUSED})
HERE = frozenset({ReturnStatus.RECEIVED, ReturnStatus.REFUNDED, ReturnStatus.REFUND_FAILED})


class ReturnNotPossibleError(Exception):
    """The order is not delivered, its time is over, or the units are not the customer's to return.

    `field` names what is wrong with the request, where something of it is.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ReturnDecidedError(Exception):
    """The return stands elsewhere than the command needs it."""


@dataclass(frozen=True, slots=True)
class Return:
    """Goods of an order on their way back; `version` counts its changes and is its ETag."""

    id: UUID
    order_id: UUID
    order_number: str
    customer_id: UUID
    lines: tuple[Line, ...]
    reason: str
    requested_at: datetime
    refund: Money
    """What the goods cost; once received, what of it is asked back."""
    status: ReturnStatus = ReturnStatus.REQUESTED
    version: int = 1
    restock: bool | None = None
    """Whether the goods are back on the shelf; known once received."""
    refusal: str | None = None
    settled_by: UUID | None = None
    """The refund that brought the money where its own did not; None of its own."""


@dataclass(frozen=True, slots=True)
class Approve:
    """Let the customer send the goods."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not take the goods back, and say why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Receive:
    """The goods are here; `left` is what of the order's money can still be given back."""

    restock: bool
    left: Money


@dataclass(frozen=True, slots=True)
class ReturnRefunded:
    """This much has gone back; `by` is the refund that staff made by hand, if its own failed."""

    amount: Money
    by: UUID | None = None


@dataclass(frozen=True, slots=True)
class ReturnRefundFailed:
    """The money could not be returned."""


@dataclass(frozen=True, slots=True)
class ReturnRefundCameBack:
    """The money had gone back, by refund `by`, and came back to the shop."""

    by: UUID


ReturnMessage = (
    Approve | Refuse | Receive | ReturnRefunded | ReturnRefundFailed | ReturnRefundCameBack
)


class ReturnEffect(StrEnum):
    """What is published of a return; each once in its life."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    RECEIVED = "received"


ReturnTransition = transition.Transition[Return, ReturnEffect]


def request_return(  # noqa: PLR0913 - keyword-only, each of its own kind
    order: Order,
    earlier: Sequence[Return],
    *,
    delivered_at: datetime | None,
    return_id: UUID,
    wanted: Mapping[UUID, int] | None,
    reason: str,
    now: datetime,
    window: timedelta,
) -> Return:
    """Make the return of some units by product, or of all that are left (None).

    `earlier` are the order's other returns. Raises ReturnNotPossibleError.
    """
    if order.status is not Status.DELIVERED or delivered_at is None:
        raise ReturnNotPossibleError(f"the order is {order.status}, not delivered")
    if now > delivered_at + window:
        raise ReturnNotPossibleError(f"it was delivered more than {window.days} days ago")
    left = _left(order, earlier)
    if not left:
        raise ReturnNotPossibleError("all of it is returned, or asked to be")
    units = dict(left) if wanted is None else dict(wanted)
    for product_id, quantity in units.items():
        if quantity > left[product_id]:
            raise ReturnNotPossibleError(
                f"{left[product_id]} units of product {product_id} can be returned", field="items"
            )
    lines = tuple(
        replace(line, quantity=units[line.product_id])
        for line in order.lines
        if units.get(line.product_id)
    )
    return Return(
        id=return_id,
        order_id=order.id,
        order_number=order.number,
        customer_id=order.customer_id,
        lines=lines,
        reason=reason,
        requested_at=now,
        refund=_price(order, lines),
    )


def left_to_refund(order: Order, others: Sequence[Return]) -> Money:
    """Return what of the order's money is neither back nor asked back for other returns."""
    captured = order.captured or Money(0, _currency(order))
    under_way = sum(each.refund.amount for each in others if each.status is ReturnStatus.RECEIVED)
    left = captured.amount - order.refunded_amount - under_way
    return Money(max(0, left), captured.currency)


def settled_by_hand(returns: Sequence[Return], amount: Money, *, full: bool) -> list[Return]:
    """Return those whose own refund failed and whose money a refund of this much has brought.

    All of them where no money of the order is left (`full`), else the first that is owed just this.
    """
    failed = [each for each in returns if each.status is ReturnStatus.REFUND_FAILED]
    return failed if full else [each for each in failed if each.refund == amount][:1]


def decide_return(current: Return, message: ReturnMessage) -> ReturnTransition:
    """Return the transition that a message makes; what was done already changes nothing.

    Raises ReturnDecidedError for a command that comes too early or too late.
    """
    made = _rule(current, message)
    if made.state is current:
        return made
    return replace(made, state=replace(made.state, version=current.version + 1))


def _rule(current: Return, message: ReturnMessage) -> ReturnTransition:  # noqa: C901, PLR0911 - an arm a message
    match message:
        case Approve():
            if current.status is ReturnStatus.REQUESTED:
                return _to(current, ReturnStatus.APPROVED, ReturnEffect.APPROVED)
            _require(current, ReturnStatus.APPROVED)
        case Refuse(reason):
            if current.status is ReturnStatus.REQUESTED:
                refused = replace(current, refusal=reason)
                return _to(refused, ReturnStatus.REFUSED, ReturnEffect.REFUSED)
            _require(current, ReturnStatus.REFUSED, same=current.refusal == reason)
        case Receive(restock, left):
            if current.status is ReturnStatus.APPROVED:
                return _received(current, restock=restock, left=left)
            _require(current, *HERE, same=current.restock == restock)
        case ReturnRefunded(amount, by):
            if current.status in {ReturnStatus.RECEIVED, ReturnStatus.REFUND_FAILED}:
                back = replace(current, refund=amount, settled_by=by)
                return _to(back, ReturnStatus.REFUNDED)
        case ReturnRefundFailed():
            if current.status is ReturnStatus.RECEIVED:
                return _to(current, ReturnStatus.REFUND_FAILED)
        case ReturnRefundCameBack(by):
            if current.status is ReturnStatus.REFUNDED and by == (current.settled_by or current.id):
                return _to(replace(current, settled_by=None), ReturnStatus.REFUND_FAILED)
    return ReturnTransition(current)


def _received(current: Return, *, restock: bool, left: Money) -> ReturnTransition:
    owed = Money(min(current.refund.amount, left.amount), current.refund.currency)
    here = replace(current, restock=restock, refund=owed)
    # Free goods, and goods whose money is back already, are all there is to it.
    status = ReturnStatus.RECEIVED if owed.amount else ReturnStatus.REFUNDED
    return _to(here, status, ReturnEffect.RECEIVED)


def _to(changed: Return, status: ReturnStatus, *effects: ReturnEffect) -> ReturnTransition:
    return ReturnTransition(replace(changed, status=status), effects)


def _require(current: Return, *statuses: ReturnStatus, same: bool = True) -> None:
    """Raise ReturnDecidedError unless the very same was done before."""
    if current.status not in statuses or not same:
        raise ReturnDecidedError(f"the return is {current.status}")


def _left(order: Order, earlier: Sequence[Return]) -> Counter[UUID]:
    left = Counter({line.product_id: line.quantity for line in order.lines})
    for each in earlier:
        if each.status not in GIVEN_UP:
            left.subtract({line.product_id: line.quantity for line in each.lines})
    return +left


def _price(order: Order, lines: Sequence[Line]) -> Money:
    amounts = (line.unit_price.amount * line.quantity for line in lines if line.unit_price)
    return Money(sum(amounts), _currency(order))


def _currency(order: Order) -> str:
    return order.total.currency if order.total else str(order.payment["currency"])
