"""The PrometheusRules: burn rate alerts from the SLO, what every service has, and its own alerts.

No two rules have the same name and labels, over all services: Prometheus could not tell them apart.

Source: sre.google/workbook/alerting-on-slos, "Multiwindow, Multi-Burn-Rate Alerts".
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from shop_operator.metadata import Manifest, owned
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

# What a service answers on /metrics; `shop_shared` does, and a test holds it against its scrape.
_REQUESTS = "http_requests_total"
_DURATION = "http_request_duration_seconds_bucket"
_CAPTURED = "outbox_captured"
LONGEST_LATENCY_MS = 10_000
"""The last bucket of durations: no quantile is above it, so no objective from here on is missed."""
# (burn rate, long window, short window, severity): 2 % of a month's budget in an hour and 5 % in
# six wake a person; 10 % in three days can wait for the morning.
_WINDOWS = (("14.4", "1h", "5m", "page"), ("6", "6h", "30m", "page"), ("1", "3d", "6h", "ticket"))
_FEWEST_FAILURES = 5
"""Of a service that is seldom asked one failure is many times its budget, and wakes nobody."""


def prometheus_rules(service: ShopService, platform: Settings) -> Iterator[Manifest]:
    """Yield the PrometheusRule of a service that has alerts, and one with those of the spec.

    An alert of the spec takes the place of those of the same name that the operator makes. A wrong
    expression takes none of them away: the Prometheus operator leaves out the whole PrometheusRule.
    """
    own = list(_own(service))
    taken = {rule["alert"] for rule in own}
    made = {
        "slo": [*_availability(service), *_latency(service)],
        "platform": [*_down(service), *_capture(service)],
    }
    found = {name: [r for r in rules if r["alert"] not in taken] for name, rules in made.items()}
    yield from _manifest(service, platform, service.name, found)
    # No ShopService can have a name with a dot, nor so a PrometheusRule of this name.
    yield from _manifest(service, platform, f"{service.name}.alerts", {"own": own})


def _manifest(
    service: ShopService, platform: Settings, name: str, rules: Mapping[str, list[Manifest]]
) -> Iterator[Manifest]:
    """Yield the PrometheusRule of these groups; none without a rule."""
    groups = [
        {"name": f"{service.namespace}.{service.name}.{group}", "rules": found}
        for group, found in rules.items()
        if found
    ]
    if groups:
        manifest = owned(
            service,
            "monitoring.coreos.com/v1",
            "PrometheusRule",
            name=name,
            spec={"groups": groups},
        )
        manifest["metadata"]["labels"] |= platform.monitor_labels
        yield manifest


def _own(service: ShopService) -> Iterator[Manifest]:
    for alert in service.spec.alerts:
        rule = _alert(
            service,
            alert=alert.name,
            expr=alert.expr,
            severity=alert.severity,
            summary=alert.summary,
        )
        yield rule | {"for": alert.hold}


def _down(service: ShopService) -> Iterator[Manifest]:
    """Yield the alert of a service that no pod serves, unless it may be scaled to none."""
    spec = service.spec
    if spec.replicas == 0 or (spec.autoscaling is not None and spec.autoscaling.min == 0):
        return
    up = f"up{{{_of(service)}}}"
    # True also where nothing is scraped any more, which no sample of `up` would say.
    none = f"absent({up} == 1)"
    # Pods that crash again and again answer in between.
    crashing = f"max(avg_over_time({up}[15m])) < 0.5 and min(changes({up}[15m])) >= 4"
    rule = _alert(
        service,
        alert="ServiceDown",
        expr=f"{none} or {crashing}",
        severity="page",
        summary=f"no pod of {service.name} answers: kubectl shop status {service.name}",
    )
    yield rule | {"for": "5m"}


def _availability(service: ShopService) -> Iterator[Manifest]:
    slo = service.spec.slo
    if slo is None or slo.availability is None:
        return
    budget = (100 - Decimal(slo.availability)) / 100
    for rate, long, short, severity in _WINDOWS:
        limit = f"{(Decimal(rate) * budget).normalize():f}"
        burning = " and ".join(f"{_errors(service, window)} > {limit}" for window in (long, short))
        several = f"sum(increase({_failed(service)}[{long}])) >= {_FEWEST_FAILURES}"
        rule = _alert(
            service,
            alert="ErrorBudgetBurning",
            expr=f"{burning} and {several}",
            severity=severity,
            summary=f"{service.name} fails {rate} times as often as {slo.availability} % allows",
        )
        rule["labels"]["window"] = long  # else two rules of one severity are duplicates
        yield rule


def _latency(service: ShopService) -> Iterator[Manifest]:
    slo = service.spec.slo
    if slo is None or slo.latency_p99_ms is None:
        return
    buckets = f"sum by (le) (rate({_DURATION}{{{_of(service)}}}[10m]))"
    limit = f"{(Decimal(slo.latency_p99_ms) / 1000).normalize():f}"
    rule = _alert(
        service,
        alert="LatencyObjectiveMissed",
        expr=f"histogram_quantile(0.99, {buckets}) > {limit}",
        severity="ticket",
        summary=f"1 of 100 requests to {service.name} takes longer than {slo.latency_p99_ms} ms",
    )
    yield rule | {"for": "10m"}


def _capture(service: ShopService) -> Iterator[Manifest]:
    database = service.spec.database
    if database is None or database.kind != "postgres" or service.spec.outbox_table is None:
        return
    rule = _alert(
        service,
        alert="OutboxNotCaptured",
        expr=f"min({_CAPTURED}{{{_of(service)}}}) == 0",
        severity="page",
        summary=f"nobody reads the outbox of {service.name}: its events wait, the log grows",
    )
    yield rule | {"for": "10m"}


def _of(service: ShopService) -> str:
    return f'namespace="{service.namespace}",job="{service.name}"'


def _failed(service: ShopService) -> str:
    return f'{_REQUESTS}{{{_of(service)},status=~"5.."}}'


def _errors(service: ShopService, window: str) -> str:
    failed = f"sum(rate({_failed(service)}[{window}]))"
    return f"{failed} / sum(rate({_REQUESTS}{{{_of(service)}}}[{window}]))"


def _alert(service: ShopService, *, alert: str, expr: str, severity: str, summary: str) -> Manifest:
    return {
        "alert": alert,
        "expr": expr,
        "labels": {
            "severity": severity,
            "service": service.name,
            "namespace": service.namespace,
        },
        "annotations": {"summary": summary},
    }
