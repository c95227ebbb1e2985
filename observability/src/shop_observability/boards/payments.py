"""Payment providers: calls by outcome, breakers, webhooks, and what calls a person."""

from shop_observability.panels import OF, Board, Panel, Row
from shop_observability.queries import gauge, per_second, quantiles, within

_CALLS = f"payment_provider_call_seconds_count{{{OF}}}"

BOARD = Board(
    uid="minishop-payments",
    title="Payments",
    description="Calls to the providers by what came of them, webhooks, and alerts for a person.",
    rows=(
        Row(
            title="Calls",
            panels=(
                Panel(
                    title="Calls by outcome",
                    description=(
                        "`declined` is the customer's; `not_authorised` our key; `unreadable` an"
                        " answer that nobody understands; `unknown` no answer."
                    ),
                    unit="reqps",
                    stacked=True,
                    queries=(per_second(_CALLS, by="provider, call, outcome"),),
                ),
                Panel(
                    title="Duration of calls",
                    description="Of all that ended, however they did.",
                    unit="s",
                    queries=quantiles("payment_provider_call_seconds", by="provider", matchers=OF),
                ),
                Panel(
                    title="Calls to be made again",
                    description="Put off with a growing pause; the money is never charged twice.",
                    unit="reqps",
                    queries=(
                        per_second(f"payment_provider_retries_total{{{OF}}}", by="provider, call"),
                    ),
                ),
            ),
        ),
        Row(
            title="State",
            panels=(
                Panel(
                    title="Breakers",
                    description="1 while any calls flow. What PaymentProviderFailing watches.",
                    queries=(gauge("max", f"payment_breaker_closed{{{OF}}}", by="provider"),),
                ),
                Panel(
                    title="Provider calls that wait",
                    description="Rows of the queue that are not settled.",
                    queries=(
                        gauge(
                            "sum",
                            f'durable_work_open{{{OF},queue="provider_calls"}}',
                            by="queue",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            title="From the providers, and for people",
            panels=(
                Panel(
                    title="Webhooks by what came of them",
                    description="`forged` and `unverifiable` are refused; `hint` makes us ask.",
                    unit="reqps",
                    queries=(
                        per_second(f"payment_webhooks_total{{{OF}}}", by="provider, outcome"),
                    ),
                ),
                Panel(
                    title="Payments for a person, in the time shown",
                    description="What PaymentNeedsAPerson watches; the log says which and why.",
                    queries=(within(f"payment_alerts_total{{{OF}}}", by="kind"),),
                ),
            ),
        ),
    ),
)
