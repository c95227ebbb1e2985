"""When alerts fire about what each replica tells for itself, and when they do not."""

from .rule_cases import SHOP, Case

_OF = f'{SHOP},group="order"'
_ASSIGNED = f'event_partitions_assigned{{{_OF},pod="order-'
_IDLE = {
    f'event_lag{{{_OF},topic="payment.events",partition="2"}}': "0x80",
    f'events_consumed_total{{{_OF},topic="payment.events",outcome="handled"}}': "100x80",
}
_CLOSED = f'payment_breaker_closed{{{SHOP},job="payment",provider="stripe",pod="payment-'

CASES = (
    Case(
        alert="ConsumerStuck",
        name="two replicas have partitions for a moment only, again and again",
        series={
            **_IDLE,
            _ASSIGNED + 'a"}': "4x20 " + "0x1 2 " * 20,
            _ASSIGNED + 'b"}': "4x20 " + "0x2 1 " * 15,
        },
        fires={
            15: None,
            30: None,
            45: {"namespace": "shop", "group": "order"},
            60: {"namespace": "shop", "group": "order"},
        },
        summary="order has no partition, or keeps none, for 10 minutes",
    ),
    Case(
        alert="ConsumerStuck",
        name="an idle group was rebalanced once, and has a replica more than partitions",
        series={**_IDLE, _ASSIGNED + 'a"}': "8x20 0 8x60", _ASSIGNED + 'b"}': "0x80"},
        fires=dict.fromkeys(range(10, 80, 5)),
    ),
    Case(
        alert="PaymentProviderFailing",
        name="both replicas meet it, then one of them gets answers and the other has no calls",
        series={_CLOSED + 'a"}': "1x10 0x20 1x40", _CLOSED + 'b"}': "1x11 0x60"},
        fires={
            12: None,
            20: {"namespace": "shop", "job": "payment", "provider": "stripe"},
            **dict.fromkeys(range(32, 70, 4)),
        },
        summary="calls to stripe fail: its breaker is open, payments by it wait",
    ),
)
