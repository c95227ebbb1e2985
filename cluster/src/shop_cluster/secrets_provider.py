"""Who brings the services their secrets: Vault on the cluster, or plain Secrets of Kubernetes."""

import os
from typing import Literal, get_args

from shop_cluster.errors import ClusterError

Provider = Literal["vault", "kubernetes"]
VAULT_IMAGES = frozenset({"openbao", "vault-k8s"})
"""What is built only where Vault runs."""


def chosen_provider() -> Provider:
    """Return what SECRETS says, else Vault.

    Raises:
        ClusterError: SECRETS names something else.

    """
    asked = os.environ.get("SECRETS")
    for provider in get_args(Provider):
        if asked == provider:
            found: Provider = provider
            return found
    if asked:
        raise ClusterError(f"SECRETS={asked}: it is one of {', '.join(get_args(Provider))}")
    return "vault"
