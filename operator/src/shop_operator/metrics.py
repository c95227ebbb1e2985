"""Prometheus metrics; docs/operator.md lists each with what to do about it."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILE_SECONDS = Histogram(
    "shop_operator_reconcile_seconds",
    "Time of one pass over one ShopService.",
    ["outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
QUEUE_DEPTH = Gauge("shop_operator_queue_depth", "Keys that wait for a worker.")
RETRIES = Counter("shop_operator_retries_total", "Passes put off after a temporary error.")
DRIFT = Counter("shop_operator_drift_total", "Changes by other hands that were found.", ["kind"])
API_WRITES = Counter(
    "shop_operator_api_writes_total", "Writes sent to the API server.", ["verb", "kind"]
)
API_ERRORS = Counter(
    "shop_operator_api_errors_total", "Answers of the API server that were errors.", ["status"]
)
WATCH_SEEN = Gauge(
    "shop_operator_watch_seen_timestamp_seconds",
    "When a watch last said anything; its age is now minus this.",
    ["kind", "namespace"],
)
LISTS = Counter("shop_operator_lists_total", "Full lists made.", ["kind"])
LEADER = Gauge("shop_operator_leader", "1 while this process holds the Lease.")
SERVICES = Gauge("shop_operator_services", "ShopServices known.")
SCHEMA_FAILURES = Counter(
    "shop_operator_schema_failures_total", "Reads of the API server's OpenAPI that failed."
)
CONDITION_UNMET = Gauge(
    "shop_operator_condition_unmet",
    "1 for each condition of a ShopService that is not True, with its reason.",
    ["namespace", "service", "type", "reason"],
)
NAMESPACE_STATE = Gauge(
    "shop_operator_namespace_state",
    "1 for the state that a namespace of services is in: Ready, Unreadable, Terminating, Missing.",
    ["namespace", "state"],
)
WEBHOOK_CERTIFICATE_EXPIRES = Gauge(
    "shop_operator_webhook_certificate_expires_timestamp_seconds",
    "When the webhook's certificate ends; 0 while there is none.",
)
