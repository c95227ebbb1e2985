"""The ServiceMonitor: Prometheus scrapes the service's metrics."""

from shop_operator.children.service import HEADLESS_LABEL, PORT_NAME
from shop_operator.metadata import Manifest, owned, selector
from shop_operator.settings import Settings
from shop_operator.spec import ShopService


def service_monitor(service: ShopService, platform: Settings) -> Manifest:
    """Return the ServiceMonitor; it selects the Service that callers use, not the headless one."""
    metrics = service.spec.metrics
    endpoint = {"port": PORT_NAME, "path": metrics.path, "interval": metrics.interval}
    once = {"key": HEADLESS_LABEL, "operator": "DoesNotExist"}
    chosen = {"matchLabels": selector(service), "matchExpressions": [once]}
    found = owned(
        service,
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        spec={"selector": chosen, "endpoints": [endpoint]},
    )
    found["metadata"]["labels"] |= platform.monitor_labels
    return found
