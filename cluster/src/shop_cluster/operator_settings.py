"""What a layer tells the operator: settings of its Deployment beside those of the manifests."""

from collections.abc import Sequence

from shop_cluster.shell import run

_OPERATOR = ("--namespace=minishop-system", "deployment/shop-operator")
_SECONDS = 300
_MANAGER = "minishop-layers"
"""Who owns them. Not kubectl: what that set, Flux takes away from whatever it applies."""


def has_operator(kubectl: Sequence[str]) -> bool:
    """Tell whether the operator is on the cluster. Raises ClusterError."""
    return bool(run(*kubectl, "get", *_OPERATOR, "--ignore-not-found", "--output=name"))


def tell_operator(kubectl: Sequence[str], *settings: str) -> None:
    """Return when the operator runs with these settings: `NAME=value`, or `NAME-` for without.

    Raises:
        ClusterError: it is not there, or it was not replaced in five minutes.

    """
    run(*kubectl, "set", "env", f"--field-manager={_MANAGER}", *_OPERATOR, *settings)
    run(*kubectl, "rollout", "status", *_OPERATOR, f"--timeout={_SECONDS}s")
