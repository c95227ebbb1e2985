"""The PrometheusRule: multi-window burn rate alerts from the SLO, and the service's own alerts.

Source: sre.google/workbook/alerting-on-slos, "Multiwindow, Multi-Burn-Rate Alerts".
"""

from collections.abc import Iterator
from decimal import Decimal

from shop_operator.metadata import Manifest, owned
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

# What a service answers on /metrics; `shop_shared` does, and a test holds it against its scrape.
_REQUESTS = "http_requests_total"
_DURATION = "http_request_duration_seconds_bucket"
_CAPTURED = "outbox_captured"
# (burn rate, long window, short window, severity): 2 % of a month's budget in an hour and 5 % in
# six wake a person; 10 % in three days can wait for the morning.
_WINDOWS = (("14.4", "1h", "5m", "page"), ("6", "6h", "30m", "page"), ("1", "3d", "6h", "ticket"))


def prometheus_rule(service: ShopService, platform: Settings) -> Iterator[Manifest]:
    """Yield the PrometheusRule of a service that has objectives or alerts of its own."""
    groups = [
        {"name": f"{service.namespace}.{service.name}.{name}", "rules": rules}
        for name, rules in (("slo", list(_objectives(service))), ("own", list(_own(service))))
        if rules
    ]
    if not groups:
        return
    found = owned(
        service,
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        spec={"groups": groups},
    )
    found["metadata"]["labels"] |= platform.monitor_labels
    yield found


def _objectives(service: ShopService) -> Iterator[Manifest]:
    if service.spec.slo is not None:
        yield from _availability(service)
        yield from _latency(service)
        yield from _capture(service)


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


def _availability(service: ShopService) -> Iterator[Manifest]:
    slo = service.spec.slo
    if slo is None or slo.availability is None:
        return
    budget = (100 - Decimal(slo.availability)) / 100
    for rate, long, short, severity in _WINDOWS:
        limit = f"{(Decimal(rate) * budget).normalize():f}"
        burning = " and ".join(f"{_errors(service, window)} > {limit}" for window in (long, short))
        yield _alert(
            service,
            alert="ErrorBudgetBurning",
            expr=burning,
            severity=severity,
            summary=f"{service.name} fails {rate} times as often as {slo.availability} % allows",
        )


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


def _errors(service: ShopService, window: str) -> str:
    of = _of(service)
    failed = f'sum(rate({_REQUESTS}{{{of},status=~"5.."}}[{window}]))'
    return f"{failed} / sum(rate({_REQUESTS}{{{of}}}[{window}]))"


def _alert(service: ShopService, *, alert: str, expr: str, severity: str, summary: str) -> Manifest:
    return {
        "alert": alert,
        "expr": expr,
        "labels": {"severity": severity, "service": service.name},
        "annotations": {"summary": summary},
    }
