"""The webhook's certificate: made here, kept in a Secret that all replicas share, renewed in time.

It signs itself. `ca.crt` holds it and the one before, so that while one replica has the new and
another still the old, the API server trusts both.
"""

import base64
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from shop_operator.metadata import Manifest

RENEWED_BEFORE: Final = timedelta(days=90)
CERTIFICATE_FILE: Final = "tls.crt"
KEY_FILE: Final = "tls.key"
_EXPIRES: Final = "minishop.dev/expires"
_HOSTS: Final = "minishop.dev/hosts"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, as PEM, and the bundle that the API server is to trust."""

    certificate: bytes
    key: bytes = field(repr=False)
    authorities: bytes
    expires: datetime
    hosts: tuple[str, ...]

    def is_due(self, now: datetime, hosts: tuple[str, ...]) -> bool:
        """Return True if it is to be renewed, or made for other hosts."""
        return now > self.expires - RENEWED_BEFORE or set(hosts) != set(self.hosts)


def make(hosts: tuple[str, ...], *, before: Certificate | None = None) -> Certificate:
    """Make a certificate for hosts (names or addresses), in a process of its own.

    The library that signs would stay in the operator's memory, a tenth of it, for a year.
    """
    command = [sys.executable, "-m", "shop_operator.admission.signing", *hosts]
    done = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - this very program
    made = orjson.loads(done.stdout)
    certificate = made["certificate"].encode()
    old = b"" if before is None else before.certificate
    return Certificate(
        certificate=certificate,
        key=made["key"].encode(),
        authorities=certificate + old,
        expires=datetime.fromisoformat(made["expires"]),
        hosts=hosts,
    )


def secret_of(certificate: Certificate, *, namespace: str, name: str) -> Manifest:
    """Return the Secret that keeps a certificate."""
    data = {
        "tls.crt": certificate.certificate,
        "tls.key": certificate.key,
        "ca.crt": certificate.authorities,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {
                _EXPIRES: certificate.expires.isoformat(),
                _HOSTS: ",".join(certificate.hosts),
            },
        },
        "data": {key: encoded(value) for key, value in data.items()},
    }


def encoded(value: bytes) -> str:
    """Return bytes as Kubernetes has them in JSON."""
    return base64.b64encode(value).decode()


def certificate_in(secret: Manifest) -> Certificate | None:
    """Return the certificate that a Secret keeps, None where it holds none that is readable."""
    try:
        data = {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}
        annotations = secret["metadata"]["annotations"]
        return Certificate(
            data["tls.crt"],
            data["tls.key"],
            data["ca.crt"],
            datetime.fromisoformat(annotations[_EXPIRES]).astimezone(UTC),
            tuple(annotations.get(_HOSTS, "").split(",")),
        )
    except (KeyError, TypeError, ValueError):
        return None


def write(certificate: Certificate, folder: Path) -> None:
    """Write the key and the certificate, each at once, where they differ from what is there."""
    for name, value in ((KEY_FILE, certificate.key), (CERTIFICATE_FILE, certificate.certificate)):
        target = folder / name
        if not target.exists() or target.read_bytes() != value:
            partial = target.with_suffix(".new")
            partial.touch(mode=0o600)
            partial.write_bytes(value)
            partial.rename(target)
