"""Credentials for the API server: the pod's service account, or a kubeconfig."""

import base64
import ssl
import tempfile
from pathlib import Path

import kopf


class NoClusterError(Exception):
    """No credentials: neither a service account nor a kubeconfig was found."""


def login() -> kopf.ConnectionInfo:
    """Return the API server's address and credentials. Read again each time: token files rotate.

    Raises NoClusterError.
    """
    settings = kopf.OperatorSettings()
    found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(
        settings=settings
    )
    if found is None or found.server is None:
        raise NoClusterError("no cluster: set KUBECONFIG, or run in a pod with a service account")
    return found


def tls(connection: kopf.ConnectionInfo) -> ssl.SSLContext:
    """Return the TLS context that trusts the server and shows the client's certificate."""
    authority = _text(connection.ca_data)
    context = ssl.create_default_context(cafile=connection.ca_path, cadata=authority)
    if connection.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if connection.certificate_path and connection.private_key_path:
        context.load_cert_chain(connection.certificate_path, connection.private_key_path)
    elif connection.certificate_data and connection.private_key_data:
        pair = (_text(connection.certificate_data), _text(connection.private_key_data))
        # OpenSSL reads certificates of clients from files only.
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory, "client.pem")
            file.touch(mode=0o600)
            file.write_text("\n".join(part or "" for part in pair))
            context.load_cert_chain(file)
    return context


def _text(data: str | bytes | None) -> str | None:
    return base64.b64decode(data).decode() if data else None
