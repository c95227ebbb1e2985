"""The services' development secrets where they are kept: in Vault, or as Secrets of Kubernetes.

What is missing in one is taken from the other, so that a shop that is moved between the two goes
on with the key that its tokens are signed by, and with whatever else a person has put there.
"""

import base64
import json
from collections.abc import Mapping, Sequence

from shop_cluster.development_secrets import SHOP, development_secrets
from shop_cluster.errors import ClusterError
from shop_cluster.kubernetes_api import Resource
from shop_cluster.platform import create_missing
from shop_cluster.platform_secrets import NAMESPACE
from shop_cluster.progress import say
from shop_cluster.shell import run
from shop_cluster.vault_setup import paths_of, set_up, written


def ensure_in_vault(kubectl: Sequence[str]) -> None:
    """Write to Vault what is not there yet, as Kubernetes has it. Raises ClusterError."""
    made = paths_of(development_secrets())
    for path in set_up(kubectl, made | _in_kubernetes(kubectl, made)):
        say(f"vault: wrote secret/{path}")


def ensure_in_kubernetes(kubectl: Sequence[str]) -> None:
    """Make the Secrets that are not there yet, as Vault has them. Raises ClusterError."""

    def missing(existing: set[str]) -> list[Resource]:
        new = [each for each in development_secrets() if each["metadata"]["name"] not in existing]
        return with_values(new, _in_vault(kubectl, list(paths_of(new)))) if new else []

    create_missing(kubectl, missing, namespace=SHOP)


def with_values(
    manifests: Sequence[Resource], found: Mapping[str, Mapping[str, str]]
) -> list[Resource]:
    """Return the manifests of Secrets, those that were found elsewhere with the values from there.

    `found` is by path, as Vault has it.
    """
    values = {**paths_of(manifests), **found}
    return [
        each | {"stringData": dict(values[path])}
        for each, path in zip(manifests, paths_of(manifests), strict=True)
    ]


def _in_kubernetes(
    kubectl: Sequence[str], made: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Return what Secrets hold of what is to be in Vault, by its path there."""
    if not run(*kubectl, "get", "namespace", SHOP, "--ignore-not-found", "-o=name"):
        return {}
    listed = json.loads(run(*kubectl, "get", "secrets", f"-n={SHOP}", "-o=json"))["items"]
    there = {
        path: {key: base64.b64decode(value).decode() for key, value in each.get("data", {}).items()}
        for each in listed
        for path in paths_of([each | {"stringData": {}}])
        if path in made
    }
    return {path: values for path, values in there.items() if values.keys() >= made[path].keys()}


def _in_vault(kubectl: Sequence[str], paths: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what the cluster's Vault has; nothing where none runs, and it is said why."""
    named = ("statefulset", "vault", f"-n={NAMESPACE}", "--ignore-not-found", "-o=name")
    if not run(*kubectl, "get", *named):
        return {}
    try:
        return written(kubectl, paths)
    except ClusterError as error:
        say(f"the secrets are made anew, who was signed in is so no more: {error}")
        return {}
