"""Rate, errors, duration and saturation of each service, by route."""

from shop_observability.panels import NAMESPACE, OF, SERVICE, Board, Panel, Query, Row
from shop_observability.queries import RATE, gauge, per_second, quantiles

_OF = f'{OF},job=~"$service"'
_REQUESTS = f"http_requests_total{{{_OF}}}"
_FAILED = f'http_requests_total{{{_OF},status=~"5.."}}'

BOARD = Board(
    uid="minishop-services",
    title="Services",
    description="Requests, errors, durations and what the processes use, by service and route.",
    variables=(NAMESPACE, SERVICE),
    rows=(
        Row(
            title="Requests",
            panels=(
                Panel(
                    title="Requests a second",
                    description="`unmatched` is asked for where nothing is. Probes do not count.",
                    unit="reqps",
                    queries=(per_second(_REQUESTS, by="job"),),
                ),
                Panel(
                    title="Share of 5xx",
                    description="What ErrorBudgetBurning watches.",
                    unit="percentunit",
                    queries=(
                        Query(
                            expr=(
                                f"(sum by (job) (rate({_FAILED}[{RATE}]))"
                                f" or sum by (job) (rate({_REQUESTS}[{RATE}])) * 0)"
                                f" / sum by (job) (rate({_REQUESTS}[{RATE}]))"
                            ),
                            legend="{{job}}",
                        ),
                    ),
                ),
                Panel(
                    title="Duration",
                    description="To the answer's last byte; of a live stream to its first.",
                    unit="s",
                    queries=quantiles("http_request_duration_seconds", by="job", matchers=_OF),
                ),
            ),
        ),
        Row(
            title="Routes",
            panels=(
                Panel(
                    title="Requests by route and status",
                    description="Methods of a route apart.",
                    unit="reqps",
                    queries=(per_second(_REQUESTS, by="job, method, route, status"),),
                ),
                Panel(
                    title="p99 by route",
                    description="Which route makes a service slow.",
                    unit="s",
                    queries=(
                        quantiles(
                            "http_request_duration_seconds",
                            by="job, method, route",
                            matchers=_OF,
                        )[1],
                    ),
                ),
            ),
        ),
        Row(
            title="Processes",
            panels=(
                Panel(
                    title="CPU",
                    description="1 is one core.",
                    queries=(per_second(f"process_cpu_seconds_total{{{_OF}}}", by="job, pod"),),
                ),
                Panel(
                    title="Memory",
                    description="Resident; a pod's limit is in its ShopService.",
                    unit="bytes",
                    queries=(
                        Query(
                            expr=f"process_resident_memory_bytes{{{_OF}}}", legend="{{job}} {{pod}}"
                        ),
                    ),
                ),
                Panel(
                    title="Open files, of those allowed",
                    description="Connections that are not closed show here first.",
                    unit="percentunit",
                    queries=(
                        Query(
                            expr=f"process_open_fds{{{_OF}}} / process_max_fds{{{_OF}}}",
                            legend="{{job}} {{pod}}",
                        ),
                    ),
                ),
                Panel(
                    title="Pods that answer",
                    description="What ServiceDown watches.",
                    queries=(gauge("sum", f"up{{{_OF}}}", by="job"),),
                ),
            ),
        ),
        Row(
            title="Work in tables, and tokens",
            panels=(
                Panel(
                    title="Rows of work that are open",
                    description="Provider calls, carrier calls and messages that wait.",
                    queries=(gauge("sum", f"durable_work_open{{{_OF}}}", by="job, queue"),),
                ),
                Panel(
                    title="How long the oldest due row waits",
                    description="What WorkOverdue watches.",
                    unit="s",
                    queries=(
                        gauge("max", f"durable_work_overdue_seconds{{{_OF}}}", by="job, queue"),
                    ),
                ),
                Panel(
                    title="Signing keys that can't be used",
                    description="1: auth signs on by its old keys. See SigningKeysUnreadable.",
                    queries=(gauge("max", f"auth_signing_keys_unreadable{{{_OF}}}", by="job"),),
                ),
                Panel(
                    title="PostgreSQL takes the login for",
                    description=(
                        "Vault's agent renews it with a third left; none is shown where it never"
                        " ends. What DatabaseLoginEnds watches."
                    ),
                    unit="s",
                    queries=(
                        Query(
                            expr=(
                                "min by (job, pod) (database_login_expires_timestamp_seconds"
                                f"{{{_OF}}} > 0 < Inf) - time()"
                            ),
                            legend="{{job}} {{pod}}",
                        ),
                    ),
                ),
                Panel(
                    title="Tokens whose revocation could not be checked",
                    description="Redis does not answer: an ended session is let in for that long.",
                    unit="reqps",
                    queries=(per_second(f"token_revocation_unchecked_total{{{_OF}}}", by="job"),),
                ),
            ),
        ),
    ),
)
