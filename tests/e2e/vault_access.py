"""The cluster's Vault, as a service or as its administrator."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from shop_cluster.secrets_provider import chosen_provider
from shop_cluster.shell import run

NEEDS_VAULT = pytest.mark.skipif(
    chosen_provider() != "vault", reason="SECRETS=kubernetes: the shop has no Vault"
)


def log_in(kubectl: Sequence[str], vault: httpx.Client, name: str) -> None:
    """Log in as a service, or as `administrator`, with its ServiceAccount's token."""
    administrator = name == "administrator"
    account, namespace = ("vault-administrator", "platform") if administrator else (name, "shop")
    jwt = run(*kubectl, "create", "token", account, f"-n={namespace}").strip()
    role = name if administrator else f"shop-{name}"
    answer = vault.post("auth/kubernetes/login", json={"role": role, "jwt": jwt})
    assert answer.status_code == 200, answer.text
    vault.headers["X-Vault-Token"] = answer.json()["auth"]["client_token"]


def lease(vault: httpx.Client, service: str) -> dict[str, Any]:
    """Return a new login of a service's database, as who is logged in may have it."""
    # The login role has two names in turn.
    for role in (f"shop-{service}", f"shop-{service}_alt"):
        answer = vault.get(f"database/creds/{role}")
        if answer.is_success:
            break
    login: dict[str, Any] = answer.raise_for_status().json()["data"]
    return login
