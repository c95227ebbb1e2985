"""The shop's secrets on a development cluster: the provider keys and logins that its players know.

`manifests/dev/secrets.yaml` holds those that open nothing; the key that tokens are signed by is
made here.
"""

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shop_cluster.kubernetes_api import Resource
from shop_cluster.paths import checkout

SHOP = "shop"


def development_secrets() -> list[Resource]:
    """Return manifests of Secrets, with a signing key that nobody else has."""
    file = checkout() / "manifests" / "dev" / "secrets.yaml"
    found = [each for each in yaml.safe_load_all(file.read_text()) if each]
    return [*found, _secret("auth-signing-keys", {"keys.pem": _signing_key()})]


def _signing_key() -> str:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode()


def _secret(name: str, values: dict[str, str]) -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": SHOP},
        "stringData": values,
    }
