"""An order's way, hop by hop: how long each event waits until its effect is committed."""

from shop_observability.panels import OF, Board, Panel, Row
from shop_observability.queries import quantiles

_HOPS = (
    ("product", "order.events", "Order placed → stock reserved"),
    ("payment", "inventory.events", "Stock reserved → payment begun"),
    ("order", "payment.events", "Payment captured → order confirmed"),
    ("shipping", "order.events", "Order confirmed → shipment booked"),
    ("order", "shipment.events", "Shipment moved → order follows"),
    ("notification", "shipment.events", "Shipment moved → mail written"),
)


def _hop(group: str, topic: str, title: str) -> Panel:
    return Panel(
        title=title,
        description=(
            f"From the event's being written by its publisher to its effect's being committed by"
            f" {group}: outbox, Debezium, Kafka, consumer."
        ),
        unit="s",
        queries=quantiles(
            "event_age_seconds",
            by="topic",
            matchers=f'{OF},group="{group}",topic="{topic}"',
        ),
    )


BOARD = Board(
    uid="minishop-journey",
    title="An order's journey",
    description="p50 and p99 of each hop between services, and of the requests at both ends.",
    rows=(
        Row(title="Hops to the payment", panels=tuple(_hop(*hop) for hop in _HOPS[:3])),
        Row(title="Hops to the customer", panels=tuple(_hop(*hop) for hop in _HOPS[3:])),
        Row(
            title="Requests",
            panels=(
                Panel(
                    title="POST /v1/orders",
                    description="In the order service, without the gateway.",
                    unit="s",
                    queries=quantiles(
                        "http_request_duration_seconds",
                        by="route",
                        matchers=f'{OF},job="order",method="POST",route="/v1/orders"',
                    ),
                ),
                Panel(
                    title="Calls to payment providers",
                    description="The one hop that leaves the cluster.",
                    unit="s",
                    queries=quantiles(
                        "payment_provider_call_seconds", by="provider, call", matchers=OF
                    ),
                ),
            ),
        ),
    ),
)
