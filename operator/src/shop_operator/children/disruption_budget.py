"""How many pods a drained node may take away at once."""

from shop_operator.children.metadata import Manifest, owned, selector
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
        spec={"maxUnavailable": budget, "selector": {"matchLabels": selector(service)}},
    )
