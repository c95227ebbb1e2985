"""The stores' credentials: random, made at the first install, kept by every later one."""

import base64
import secrets
from typing import Any

NAMESPACE = "platform"
_USERNAMES = {
    "postgres-admin": "postgres",
    "mongodb-admin": "root",
    "redis-auth": "default",  # the user that a bare password of Redis belongs to
    "rabbitmq-auth": "minishop",
}
_BITS = 256


def missing(existing: set[str]) -> list[dict[str, Any]]:
    """Return manifests of the Secrets that are not among the existing names, with new passwords.

    Keys: ``username``, ``password``; MongoDB's also has ``keyfile``, by which the members of a
    replica set know each other.
    """
    return [_secret(name) for name in _USERNAMES if name not in existing]


def _secret(name: str) -> dict[str, Any]:
    values = {"username": _USERNAMES[name], "password": secrets.token_hex(_BITS // 8)}
    if name == "mongodb-admin":
        # MongoDB reads a key file as base64 of at most 1024 characters.
        values["keyfile"] = base64.b64encode(secrets.token_bytes(567)).decode()
    labels = {"app.kubernetes.io/part-of": "minishop"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "stringData": values,
    }
