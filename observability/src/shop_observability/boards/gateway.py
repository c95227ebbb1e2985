"""The way in: requests by service and status, limits, and the gateway's own memory."""

from shop_observability.panels import OF, Board, Panel, Query, Row
from shop_observability.queries import RATE, per_second, quantiles

_REQUESTS = f"gateway_request_seconds_count{{{OF}}}"

BOARD = Board(
    uid="minishop-gateway",
    title="Gateway",
    description="What customers meet: requests by service, failures, limits, cache.",
    rows=(
        Row(
            title="Requests",
            panels=(
                Panel(
                    title="Requests by service",
                    description="By the service that the path belongs to.",
                    unit="reqps",
                    stacked=True,
                    queries=(per_second(_REQUESTS, by="exported_service"),),
                ),
                Panel(
                    title="Answers of 4xx and 5xx",
                    description="503 is a service that nobody answers for.",
                    unit="reqps",
                    queries=(
                        per_second(
                            f'gateway_request_seconds_count{{{OF},status=~"[45].."}}',
                            by="exported_service, status",
                        ),
                    ),
                ),
                Panel(
                    title="Duration by service",
                    description="To the end of the answer; of a live stream to its beginning.",
                    unit="s",
                    queries=quantiles(
                        "gateway_request_seconds", by="exported_service", matchers=OF
                    ),
                ),
            ),
        ),
        Row(
            title="Limits and memory",
            panels=(
                Panel(
                    title="Requests over their limit",
                    description="By what was counted: the user, or the address.",
                    unit="reqps",
                    queries=(per_second(f"gateway_rate_limited_total{{{OF}}}", by="by"),),
                ),
                Panel(
                    title="Requests refused for want of room",
                    description="As many as may be are under way at the service, and enough wait.",
                    unit="reqps",
                    queries=(per_second(f"gateway_refused_total{{{OF}}}", by="exported_service"),),
                ),
                Panel(
                    title="Requests let through uncounted",
                    description="Redis does not answer. What RequestsUncounted watches.",
                    unit="reqps",
                    queries=(
                        per_second(f"gateway_rate_limit_unavailable_total{{{OF}}}", by="namespace"),
                    ),
                ),
                Panel(
                    title="Answered from memory",
                    description="Of all requests.",
                    unit="percentunit",
                    queries=(
                        Query(
                            expr=(
                                f"sum(rate(gateway_cache_hits_total{{{OF}}}[{RATE}]))"
                                f" / sum(rate({_REQUESTS}[{RATE}]))"
                            ),
                            legend="hits",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
