"""The operator: passes, queue, drift, what it asks of the API server, who leads."""

from shop_observability.panels import Board, Panel, Query, Row, Variable
from shop_observability.queries import gauge, per_second, quantiles, within

_NAMESPACE = Variable(
    name="namespace",
    label_values="label_values(shop_operator_leader, namespace)",
    default="minishop-system",
)
_OF = 'namespace="$namespace"'

BOARD = Board(
    uid="minishop-operator",
    title="Operator",
    description="How the operator keeps the ShopServices, and what it finds.",
    variables=(_NAMESPACE,),
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(
                    title="ShopServices kept",
                    description="Known to the leader.",
                    now=True,
                    queries=(Query(expr=f"max(shop_operator_services{{{_OF}}})"),),
                ),
                Panel(
                    title="Leaders",
                    description="1, or OperatorWithoutLeader fires.",
                    now=True,
                    queries=(Query(expr=f"sum(shop_operator_leader{{{_OF}}})"),),
                ),
                Panel(
                    title="The webhook's certificate lasts",
                    description="Renewed 90 days before its end, or CertificateNotRenewed fires.",
                    unit="s",
                    now=True,
                    queries=(
                        Query(
                            expr=(
                                "min(shop_operator_webhook_certificate_expires_timestamp_seconds"
                                f"{{{_OF}}} > 0) - time()"
                            ),
                        ),
                    ),
                ),
                Panel(
                    title="Namespaces by state",
                    description="`Unreadable`: the Role of that namespace is missing.",
                    now=True,
                    queries=(
                        gauge(
                            "sum",
                            f"shop_operator_namespace_state{{{_OF}}} == 1",
                            by="exported_namespace, state",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            title="What is not as declared",
            panels=(
                Panel(
                    title="Conditions that are not True",
                    description=(
                        "By service and reason; none where all is well. What ShopServiceNotReady"
                        " and SecretsNotReady watch."
                    ),
                    queries=(
                        Query(
                            expr=(
                                "max by (exported_namespace, exported_service, type, reason)"
                                f" (shop_operator_condition_unmet{{{_OF}}})"
                            ),
                            legend=(
                                "{{exported_namespace}}/{{exported_service}} {{type}}: {{reason}}"
                            ),
                        ),
                    ),
                ),
            ),
        ),
        Row(
            title="Passes",
            panels=(
                Panel(
                    title="Passes by outcome",
                    description="`bug` is one to report.",
                    queries=(
                        per_second(f"shop_operator_reconcile_seconds_count{{{_OF}}}", by="outcome"),
                    ),
                ),
                Panel(
                    title="Time of a pass",
                    description="Over one ShopService.",
                    unit="s",
                    queries=quantiles(
                        "shop_operator_reconcile_seconds", by="outcome", matchers=_OF
                    ),
                ),
                Panel(
                    title="Queue and retries",
                    description="Keys that wait for a worker, and passes that were put off.",
                    queries=(
                        gauge(
                            "max",
                            f"shop_operator_queue_depth{{{_OF}}}",
                            by="pod",
                            legend="queue {{pod}}",
                        ),
                        per_second(
                            f"shop_operator_retries_total{{{_OF}}}",
                            by="pod",
                            legend="retries {{pod}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            title="The cluster",
            panels=(
                Panel(
                    title="Changes by other hands, in the time shown",
                    description="All were put right, or reported under Observe.",
                    queries=(within(f"shop_operator_drift_total{{{_OF}}}", by="kind"),),
                ),
                Panel(
                    title="Writes to the API server",
                    description="None where nothing changes.",
                    queries=(
                        per_second(f"shop_operator_api_writes_total{{{_OF}}}", by="verb, kind"),
                    ),
                ),
                Panel(
                    title="Errors of the API server",
                    description="409 now and then is usual.",
                    queries=(per_second(f"shop_operator_api_errors_total{{{_OF}}}", by="status"),),
                ),
                Panel(
                    title="Age of the watches",
                    description="What OperatorWatchStuck watches: over 120 s one is stuck.",
                    unit="s",
                    queries=(
                        Query(
                            expr=(
                                "time() - min by (kind)"
                                f" (shop_operator_watch_seen_timestamp_seconds{{{_OF}}})"
                            ),
                            legend="{{kind}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
