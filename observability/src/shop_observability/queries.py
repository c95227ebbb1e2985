"""The shapes of queries that dashboards have in common.

Source: prometheus.io/docs/practices/histograms (quantiles from buckets that were summed first).
"""

from typing import Literal

from shop_observability.panels import Query

RATE = "$__rate_interval"
"""Grafana puts in a window of at least four scrapes."""
SHOWN = "$__range"
"""Grafana puts in the time that the dashboard shows."""


def per_second(counter: str, *, by: str, legend: str = "") -> Query:
    """Return the rate of a counter (a selector), summed by labels."""
    return Query(expr=f"sum by ({by}) (rate({counter}[{RATE}]))", legend=legend or _legend(by))


def per_minute(counter: str, *, by: str, legend: str = "") -> Query:
    """Return how many a minute, summed by labels."""
    return Query(expr=f"sum by ({by}) (rate({counter}[{RATE}])) * 60", legend=legend or _legend(by))


def within(counter: str, *, by: str, legend: str = "") -> Query:
    """Return by how much a counter grew within the time shown, summed by labels.

    Of a series that began meanwhile all is counted: its first sample is no increase to Prometheus.
    One of which there was no sample for a moment is not new, nor are any where Prometheus is.
    """
    before = f"last_over_time({counter}[6m] offset {SHOWN})"
    prometheus_ran = f"group(last_over_time(up[5m] offset {SHOWN}))"
    new = f"({counter} unless {before}) and on () {prometheus_ran}"
    grown = f"{new} or increase({counter}[{SHOWN}])"
    return Query(expr=f"sum by ({by}) ({grown})", legend=legend or _legend(by))


def gauge(
    aggregate: Literal["max", "min", "sum"], selector: str, *, by: str, legend: str = ""
) -> Query:
    """Return a gauge (a selector) as it stands, aggregated by labels."""
    return Query(expr=f"{aggregate} by ({by}) ({selector})", legend=legend or _legend(by))


def quantiles(histogram: str, *, by: str, matchers: str) -> tuple[Query, Query]:
    """Return p50 and p99 of a histogram (its name without `_bucket`), by labels."""
    return _quantile("0.5", histogram, by, matchers), _quantile("0.99", histogram, by, matchers)


def _quantile(share: str, histogram: str, by: str, matchers: str) -> Query:
    buckets = f"sum by (le, {by}) (rate({histogram}_bucket{{{matchers}}}[{RATE}]))"
    name = {"0.5": "p50", "0.99": "p99"}[share]
    return Query(expr=f"histogram_quantile({share}, {buckets})", legend=f"{name} {_legend(by)}")


def _legend(by: str) -> str:
    return " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))
