"""Which layers come onto which cluster, and what does the work of the others there."""

from shop_cluster import edge, kind, observability
from shop_cluster.errors import ClusterError

_ELSEWHERE = {
    edge.LAYER: "install Kong itself and set MINISHOP_EDGE: see docs/edge.md",
    observability.LAYER: (
        "kube-prometheus reads the same monitors and rules: see docs/observability.md"
    ),
}
"""What those that are made for the embedded cluster have in their place on another."""


def check(layer: str) -> None:
    """Return if the layer can come onto the chosen cluster.

    Raises:
        ClusterError: it is made for another; with what to do instead.

    """
    instead = _ELSEWHERE.get(layer)
    if instead and kind.chosen() != "embedded":
        raise ClusterError(
            f"the layer {layer} is made for the embedded cluster; elsewhere {instead}"
        )
