"""Reads the kubeconfig with the `kubernetes` package and writes the connection as JSON to stdout.

A program of its own, run by `connection`: importing the package takes 36 MiB and a second, which
the operator itself does not have to spare.
"""

import base64
import logging
import sys
from pathlib import Path
from typing import Any

import orjson
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, load_kube_config


def main() -> int:
    """Return the exit code: 0, or 1 with the reason on stderr."""
    found, complaints = Configuration(), Complaints()
    logging.basicConfig(handlers=[complaints], level=logging.ERROR)
    try:
        load_kube_config(client_configuration=found, persist_config=False)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError, LookupError, ValueError) as error:
        return _failed(str(error))
    if complaints.said:  # the package logs that a plugin failed, and goes on without credentials
        return _failed("; ".join(complaints.said))
    sys.stdout.buffer.write(orjson.dumps(connection(found)))
    return 0


class Complaints(logging.Handler):
    """Collects the errors that the package logs."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text of one record."""
        self.said.append(record.getMessage())


def connection(found: Configuration) -> dict[str, Any]:
    """Return the arguments of kopf.ConnectionInfo; certificates inline, as files are temporary."""
    header = found.get_api_key_with_prefix("BearerToken") or found.get_api_key_with_prefix(
        "authorization"
    )
    return {
        "server": found.host,
        "insecure": not found.verify_ssl,
        "token": header.rpartition(" ")[2] if header else None,
        "username": found.username or None,
        "password": found.password or None,
        "ca_data": _encoded(found.ssl_ca_cert),
        "certificate_data": _encoded(found.cert_file),
        "private_key_data": _encoded(found.key_file),
    }


def _failed(reason: str) -> int:
    sys.stderr.write(" ".join(reason.split()) + "\n")
    return 1


def _encoded(path: str | None) -> str | None:
    return base64.b64encode(Path(path).read_bytes()).decode() if path else None


if __name__ == "__main__":
    sys.exit(main())
