"""What Vault on the platform needs and no manifest can hold: its seal's key, its certificate.

Both are made at the first install and kept by every later one.
"""

import base64
import json
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from shop_cluster import platform
from shop_cluster.certificates import Authority
from shop_cluster.kubernetes_api import Resource
from shop_cluster.platform_secrets import NAMESPACE
from shop_cluster.shell import run

OPERATOR_NAMESPACE = "minishop-system"
_SEAL_KEY_BYTES = 32
_HOSTS = (
    *("vault" + domain for domain in ("", ".platform", ".platform.svc")),
    "vault.platform.svc.cluster.local",
    "localhost",
    "127.0.0.1",
)
_LABELS = {"app.kubernetes.io/part-of": "minishop"}


def prepare(kubectl: Sequence[str], authority: Authority | None) -> None:
    """Make the key of Vault's seal and its certificate, if they are not there yet.

    Without an authority the certificate is signed by one whose key is then forgotten. Raises
    ClusterError.
    """
    platform.apply(kubectl, [_namespace(NAMESPACE), _namespace(OPERATOR_NAMESPACE)])
    platform.create_missing(kubectl, partial(missing, authority=authority))
    bundle = trusted(kubectl)
    platform.apply(kubectl, [_trust(bundle, NAMESPACE), _trust(bundle, OPERATOR_NAMESPACE)])


def trusted(kubectl: Sequence[str]) -> str:
    """Return the certificate, as PEM, by which Vault's own is known. Raises ClusterError."""
    asked = ("get", "secret", "vault-tls", f"-n={NAMESPACE}", "-o=json")
    return base64.b64decode(json.loads(run(*kubectl, *asked))["data"]["ca.crt"]).decode()


def missing(existing: set[str], authority: Authority | None) -> list[Resource]:
    """Return manifests of the Secrets that are not among the existing names."""
    found = []
    if "vault-seal" not in existing:
        found.append(_secret("vault-seal", {"key": secrets.token_bytes(_SEAL_KEY_BYTES)}))
    if "vault-tls" not in existing:
        with tempfile.TemporaryDirectory() as folder:
            found.append(_secret("vault-tls", _certificate(authority or Authority(Path(folder)))))
    return found


def _trust(bundle: str, namespace: str) -> Resource:
    """Return the ConfigMap by which the injector, or the operator, knows Vault's certificate."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "vault-ca", "namespace": namespace, "labels": _LABELS},
        "data": {"ca.crt": bundle},
    }


def _namespace(name: str) -> Resource:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _certificate(authority: Authority) -> dict[str, bytes]:
    certificate, key = authority.issue("vault", user="vault", hosts=_HOSTS)
    return {
        "tls.crt": certificate.read_bytes(),
        "tls.key": key.read_bytes(),
        "ca.crt": authority.certificate.read_bytes(),
    }


def _secret(name: str, values: Mapping[str, bytes]) -> Resource:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": _LABELS},
        "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
    }
