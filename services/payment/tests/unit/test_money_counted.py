"""Money that moves is counted once, in minor units, by where it went."""

from dataclasses import replace
from uuid import uuid4

from prometheus_client import REGISTRY

from shop_payment import service
from shop_payment.domain import Method, Payment, Refund, RefundStatus, Total


def counted(direction: str, provider: str) -> float:
    labels = {"direction": direction, "provider": provider, "currency": "USD"}
    return REGISTRY.get_sample_value("payment_minor_units_total", labels) or 0.0


def test_captures_and_confirmed_refunds_are_counted_by_what_they_add() -> None:
    method = Method(provider="stripe", name="card", currency="USD")
    price = Total(amount=1499, currency="USD")
    before = Payment(id=uuid4(), order_id=uuid4(), method=method, total=price)
    captured, refunded = counted("captured", "stripe"), counted("refunded", "stripe")
    paid = replace(before, captured=1499)
    service._count_money(before, paid)
    service._count_money(paid, paid)
    asked = Refund(id=uuid4(), amount=500, reason="damaged", status=RefundStatus.PENDING)
    back = replace(paid, refunds=(asked,))
    service._count_money(paid, back)
    done = replace(back, refunds=(replace(asked, status=RefundStatus.SUCCEEDED),))
    service._count_money(back, done)
    assert counted("captured", "stripe") == captured + 1499
    assert counted("refunded", "stripe") == refunded + 500


def test_before_a_method_is_known_nothing_is_counted() -> None:
    nothing = Payment(id=uuid4(), order_id=uuid4())
    service._count_money(nothing, nothing)
