"""Order and payment together, their domains alone: any interleaving of events, webhooks and clicks.

The topics between them are queues, the provider is a few charges whose truth is kept here. Whatever
comes first, in the end the provider has kept the order's price once, or nothing.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from hypothesis import event, given, settings
from hypothesis import strategies as st

from shop_order import domain as order_domain
from shop_order.domain import CLOSED, Order
from shop_order.domain import Status as OrderStatus
from shop_payment import domain as payment_domain
from shop_payment.domain import Call, CallProvider, Method, MoneyCaptured, Payment, Total
from shop_payment.domain import Status as PaymentStatus
from shop_shared.money import Money

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE = NOW + timedelta(minutes=15)
CUSTOMER = UUID(int=2)
METHOD = Method(provider="stripe", name="card", currency="USD")
WAY = {"provider": "stripe", "method": "card", "currency": "USD", "token": None}
PRICE = Money(1000, "USD")
TOTAL = Total(amount=1000, currency="USD")
RESERVED = order_domain.InventoryReserved(
    (order_domain.Line(UUID(int=3), 1),), PRICE, reserved_until=DEADLINE
)


@dataclass
class Charge:
    """A charge as the provider has it: open, declined, cancelled or captured."""

    state: str
    refunded: int = 0

    @property
    def kept(self) -> int:
        return TOTAL.amount - self.refunded if self.state == "captured" else 0


@dataclass
class World:
    """The shop, the provider, and what is on its way between them."""

    data: st.DataObject
    order: Order
    payments: dict[UUID, Payment] = field(default_factory=dict)
    charges: dict[UUID, Charge] = field(default_factory=dict)
    calls: dict[UUID, deque[CallProvider]] = field(default_factory=dict)
    to_payment: deque[order_domain.Effect] = field(default_factory=deque)
    to_order: deque[order_domain.DomainEvent] = field(default_factory=deque)
    at: datetime = NOW

    @property
    def newest(self) -> Payment:
        return next(payment for payment in self.payments.values() if not payment.superseded)

    # What can happen next.

    def order_hears(self) -> None:
        self._decide(self.to_order.popleft())

    def payment_hears(self) -> None:
        match self.to_payment.popleft():
            case order_domain.PaymentRetried():
                self._retry()
            case order_domain.Cancelled() | order_domain.Expired():
                self._tell(self.newest.id, payment_domain.OrderAbandoned())
            case _:
                pass

    def provider_answers(self, payment_id: UUID) -> None:
        call = self.calls[payment_id].popleft()
        match call.call:
            case Call.CHARGE:
                self._charge(payment_id)
            case Call.CANCEL:
                self._cancel(payment_id)
            case Call.REFUND:
                self._refund(payment_id, call.refund_id)
            case _:
                raise AssertionError(call)

    def webhook_arrives(self, payment_id: UUID) -> None:
        """Tell what the charge is now, as fetching it after a webhook does."""
        reference = str(payment_id)
        if self.charges[payment_id].state == "captured":
            self._tell(payment_id, MoneyCaptured(reference=reference, total=TOTAL))
        elif self.charges[payment_id].state in {"declined", "cancelled"}:
            failed = payment_domain.ChargeFailed(reason="declined", message="no")
            self._tell(payment_id, failed)

    def customer_pays_elsewhere(self, payment_id: UUID) -> None:
        """Pay by a link or a secret that the customer still holds: also of a declined charge."""
        if self.charges[payment_id].state in {"open", "declined"}:
            self.charges[payment_id].state = "captured"

    def customer_gives_up_elsewhere(self, payment_id: UUID) -> None:
        if self.charges[payment_id].state == "open":
            self.charges[payment_id].state = "declined"

    def customer_retries(self) -> None:
        before = self.order.payment_attempt
        try:
            self._decide(order_domain.RetryPayment(WAY, self.at))
        except order_domain.NotAwaitingPaymentError:
            assert self.order.payment_attempt == before
        else:
            event("retried")

    def customer_cancels(self) -> None:
        try:
            self._decide(order_domain.CancelOrder())
        except order_domain.NotCancellableError:
            assert self.order.status is not OrderStatus.RESERVED

    def time_is_over(self) -> None:
        self.at = DEADLINE
        self._decide(order_domain.DeadlinePassed(self.at))

    def choices(self) -> list[Callable[[], None]]:
        """Return what can happen next."""
        found: list[Callable[[], None]] = []
        found += [self.customer_retries] * bool(self.order.payment_failure)
        found += [self.order_hears] * bool(self.to_order)
        found += [self.payment_hears] * bool(self.to_payment)
        found += [partial(self.provider_answers, id_) for id_, calls in self.calls.items() if calls]
        for payment_id, charge in self.charges.items():
            if charge.state in {"open", "declined"}:
                found += [partial(self.customer_pays_elsewhere, payment_id)]
            if charge.state == "open":
                found += [partial(self.customer_gives_up_elsewhere, payment_id)]
            # Also of what is known already: a webhook may come twice.
            found += [partial(self.webhook_arrives, payment_id)]
        return found or [self.customer_retries]

    def fail_once(self) -> None:
        """Let the first charge be declined, or wait for the customer, and the shop know of it."""
        self.order_hears()
        self.provider_answers(self.newest.id)
        while self.to_order:
            self.order_hears()

    def settle(self) -> None:
        """Let everything arrive that is on its way, and the provider tell all it knows."""
        for _ in range(20):
            for payment_id in list(self.charges):
                self.webhook_arrives(payment_id)
            while self.to_order or self.to_payment or any(self.calls.values()):
                if self.to_order:
                    self.order_hears()
                elif self.to_payment:
                    self.payment_hears()
                else:
                    self.provider_answers(next(id_ for id_, calls in self.calls.items() if calls))

    # How it does.

    def _decide(self, message: order_domain.Message) -> None:
        transition = order_domain.decide(self.order, message)
        self.order = transition.state
        self.to_payment.extend(transition.effects)

    def _tell(self, payment_id: UUID, message: payment_domain.Message) -> None:
        self._carry_out(payment_domain.decide(self.payments[payment_id], message))

    def _carry_out(self, transition: payment_domain.Transition) -> None:
        after = transition.state
        self.payments[after.id] = after
        for effect in transition.effects:
            match effect:
                case CallProvider():
                    self.calls.setdefault(after.id, deque()).append(effect)
                case payment_domain.AnnounceCaptured():
                    self.to_order.append(order_domain.PaymentCaptured(PRICE))
                case payment_domain.AnnounceFailed(reason=reason, may_retry=may_retry):
                    can_retry = may_retry and self.at < DEADLINE
                    self.to_order.append(
                        order_domain.PaymentFailed(reason, "", after.attempt, can_retry=can_retry)
                    )
                case payment_domain.AnnounceRefunded():
                    full = after.refunded == after.captured
                    self.to_order.append(
                        order_domain.PaymentRefunded(Money(after.refunded, "USD"), full=full)
                    )
                case _:
                    pass

    def _retry(self) -> None:
        made = payment_domain.retry(
            self.newest,
            attempt=len(self.payments) + 1,
            payment_id=UUID(int=100 + len(self.payments)),
            method=METHOD,
        )
        if made is not None:
            self._carry_out(made.failed)
            self._carry_out(made.started)

    def _charge(self, payment_id: UUID) -> None:
        if self.payments[payment_id].status is not PaymentStatus.PENDING:
            return
        assert payment_id not in self.charges, "charged twice"
        state = self.data.draw(st.sampled_from(["declined", "declined", "captured", "open"]))
        self.charges[payment_id] = Charge(state)
        if state == "open":
            action = payment_domain.CustomerMustAct(
                reference=str(payment_id), action={"type": "redirect"}, expires_at=DEADLINE
            )
            self._tell(payment_id, action)
        else:
            self.webhook_arrives(payment_id)

    def _cancel(self, payment_id: UUID) -> None:
        if payment_id in self.charges:
            if self.charges[payment_id].state != "captured":
                self.charges[payment_id].state = "cancelled"
            self.webhook_arrives(payment_id)

    def _refund(self, payment_id: UUID, refund_id: UUID | None) -> None:
        assert refund_id is not None
        refund = self.payments[payment_id].refund(refund_id)
        assert refund is not None
        self.charges[payment_id].refunded += refund.amount
        answer = payment_domain.RefundAnswered(
            refund_id=refund_id, status=payment_domain.RefundStatus.SUCCEEDED
        )
        self._tell(payment_id, answer)


def placed(data: st.DataObject) -> World:
    order = Order(
        id=UUID(int=1),
        number="MS-7K3Q-9F25",
        customer_id=CUSTOMER,
        lines=(order_domain.Line(UUID(int=3), 1),),
        payment=WAY,
        shipping_address={},
        placed_at=NOW,
        deadline=DEADLINE,
    )
    first = Payment(id=UUID(int=100), order_id=order.id)
    world = World(data, order, payments={first.id: first})
    world.to_order.append(RESERVED)
    world._tell(first.id, payment_domain.OrderPlaced(customer_id=CUSTOMER, method=METHOD))
    reserved = payment_domain.StockReserved(customer_id=CUSTOMER, total=TOTAL, until=DEADLINE)
    world._tell(first.id, reserved)
    return world


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_the_price_is_kept_once_or_not_at_all(data: st.DataObject) -> None:
    world = placed(data)
    if data.draw(st.booleans()):
        world.fail_once()
    for _ in range(data.draw(st.integers(0, 40))):
        choices = world.choices()
        if data.draw(st.integers(0, 19)) == 0:
            choices = [world.customer_cancels, world.time_is_over]
        data.draw(st.sampled_from(choices))()
    world.settle()
    world.time_is_over()
    world.settle()
    kept = [charge.kept for charge in world.charges.values() if charge.kept]
    counted = [payment for payment in world.payments.values() if not payment.superseded]
    event(world.order.status)
    assert len(counted) == 1
    assert (world.order.captured or Money(0, "USD")).amount == counted[0].captured
    assert world.order.refunded_amount == counted[0].refunded
    if world.order.status in {OrderStatus.PAID, OrderStatus.CANCELLING}:
        assert kept == [TOTAL.amount]
        assert counted[0].captured == TOTAL.amount
        return
    assert world.order.status in CLOSED | {OrderStatus.REFUNDED}
    assert kept == []
    assert all(payment.refunded == payment.captured for payment in world.payments.values())


@given(st.data())
def test_an_order_whose_every_way_to_pay_fails_ends_with_its_time(data: st.DataObject) -> None:
    world = placed(data)
    for _ in range(data.draw(st.integers(1, 6))):
        world.settle()
        world.customer_retries()
        for charge in world.charges.values():
            charge.state = "declined" if charge.state == "open" else charge.state
    world.settle()
    world.time_is_over()
    paid = any(charge.state == "captured" for charge in world.charges.values())
    assert world.order.status is (OrderStatus.PAID if paid else OrderStatus.EXPIRED)
