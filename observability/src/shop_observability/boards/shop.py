"""What the business asks: orders by state, money, refunds, returns, mails."""

from shop_observability.panels import OF, Board, Panel, Query, Row
from shop_observability.queries import RATE, gauge, per_minute, per_second, within

_PLACED = f'events_published_total{{{OF},type="minishop.order.placed.v1"}}'
_ENDED = f'events_published_total{{{OF},type=~"minishop.order.(completed|cancelled).v1"}}'
_ORDERS = f'events_published_total{{{OF},type=~"minishop.order.*"}}'
_CAPTURED = f'payment_minor_units_total{{{OF},direction="captured"}}'
_REFUNDED = f'payment_minor_units_total{{{OF},direction="refunded"}}'
_POSTED = f'http_requests_total{{{OF},job="order",method="POST",route="/v1/orders"}}'

BOARD = Board(
    uid="minishop-shop",
    title="Shop",
    description="Orders by state, money, refunds and what customers are told.",
    rows=(
        Row(
            title="In the time shown",
            panels=(
                Panel(
                    title="Orders placed",
                    description="Written to the outbox of the order service.",
                    now=True,
                    queries=(within(_PLACED, by="namespace", legend="orders"),),
                ),
                Panel(
                    title="Orders ended",
                    description="Completed and cancelled ones: all that were placed come here.",
                    now=True,
                    queries=(within(_ENDED, by="type"),),
                ),
                Panel(
                    title="Captured, in minor units",
                    description="1499 in USD is $14.99, in IDR Rp14.99, in JPY ¥1499.",
                    now=True,
                    queries=(within(_CAPTURED, by="currency"),),
                ),
                Panel(
                    title="Refunded, in minor units",
                    description="Refunds that the provider has confirmed.",
                    now=True,
                    queries=(within(_REFUNDED, by="currency"),),
                ),
            ),
        ),
        Row(
            title="Orders",
            panels=(
                Panel(
                    title="Order events a minute",
                    description="Each change of an order's state is one event of its type.",
                    queries=(per_minute(_ORDERS, by="type"),),
                ),
                Panel(
                    title="Answers to POST /v1/orders",
                    description="201 is taken; 422 is a customer's mistake, 5xx is ours.",
                    unit="reqps",
                    stacked=True,
                    queries=(per_second(_POSTED, by="status"),),
                ),
                Panel(
                    title="Orders placed for each product request",
                    description="How much of what is looked at is bought.",
                    unit="percentunit",
                    queries=(
                        Query(
                            expr=(
                                f"sum(rate({_PLACED}[{RATE}])) / sum(rate("
                                f'gateway_request_seconds_count{{{OF},exported_service="product"}}'
                                f"[{RATE}]))"
                            ),
                            legend="conversion",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            title="Money",
            panels=(
                Panel(
                    title="Captured by provider and currency, minor units a minute",
                    description="What the provider confirmed, when it confirmed it.",
                    queries=(per_minute(_CAPTURED, by="provider, currency"),),
                ),
                Panel(
                    title="Refunded by provider and currency, minor units a minute",
                    description="Also refunds made on a provider's own dashboard.",
                    queries=(per_minute(_REFUNDED, by="provider, currency"),),
                ),
            ),
        ),
        Row(
            title="Goods and mails",
            panels=(
                Panel(
                    title="Reservations a minute",
                    description="`rejected` is an order that found too little stock.",
                    queries=(
                        per_minute(
                            f'events_published_total{{{OF},type=~"minishop.inventory.*"}}',
                            by="type",
                        ),
                    ),
                ),
                Panel(
                    title="Products that run out",
                    description=(
                        "`low`: at or under their threshold; `out`: none left to sell; `oversold`:"
                        " more reserved than there is, which StockOversold watches: never."
                    ),
                    queries=(gauge("max", f"product_stock_products{{{OF}}}", by="state"),),
                ),
                Panel(
                    title="Shipments and returns a minute",
                    description="From created to delivered, and back.",
                    queries=(
                        per_minute(
                            f'events_published_total{{{OF},type=~"minishop.(shipment|return).*"}}',
                            by="type",
                        ),
                    ),
                ),
                Panel(
                    title="Messages by channel and outcome a minute",
                    description="`parked` was given up: a person should look.",
                    queries=(
                        per_minute(f"notification_messages_total{{{OF}}}", by="channel, outcome"),
                    ),
                ),
            ),
        ),
    ),
)
