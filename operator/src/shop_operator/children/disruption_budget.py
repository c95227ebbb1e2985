"""The PodDisruptionBudget: how many pods a drain may evict at once."""

from shop_operator.metadata import Manifest, owned, selector
from shop_operator.spec import ShopService


def disruption_budget(service: ShopService) -> Manifest:
    """Return the PodDisruptionBudget; a percentage stays a string, a count becomes a number."""
    budget = service.spec.disruption_budget.max_unavailable
    if isinstance(budget, str) and budget.isdigit():
        budget = int(budget)
    return owned(
        service,
        "policy/v1",
        "PodDisruptionBudget",
        spec={
            "maxUnavailable": budget,
            # A pod that is not ready serves nobody: a drain need not wait for it.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(service)},
        },
    )
