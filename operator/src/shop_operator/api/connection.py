"""Credentials for the API server: the pod's service account, or a kubeconfig.

Plain ones are read by Kopf. A kubeconfig that asks for more, such as the exec plugins of EKS, GKE
and AKS, is read by the `kubernetes` package in a child process (docs/adr/0020-api-client.md).
"""

import base64
import hashlib
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import kopf
import orjson
import yaml

_READ_SECONDS: Final = 60.0
"""An exec plugin may ask a cloud's API, or a person."""


class NoClusterError(Exception):
    """No usable credentials: neither a service account nor a kubeconfig was found, or it failed."""


def login() -> kopf.ConnectionInfo:
    """Return the API server's address and credentials. Read again each time: token files rotate.

    Raises NoClusterError.
    """
    settings = kopf.OperatorSettings()
    try:
        found = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(
            settings=settings
        )
    except (kopf.LoginError, OSError, ValueError, LookupError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise NoClusterError(f"the kubeconfig can't be read: {reason}") from error
    if found is None or found.server is None:
        raise NoClusterError("no cluster: set KUBECONFIG, or run in a pod with a service account")
    has_certificate = found.certificate_path or found.certificate_data
    if found.token or found.username or has_certificate:
        return found
    return _read_by_library()


def _read_by_library() -> kopf.ConnectionInfo:
    """Return the current context's connection, its exec plugin asked for credentials.

    Raises NoClusterError with the plugin's own words.
    """
    # -P: or its neighbours here would hide libraries of the same names.
    command = [sys.executable, "-P", str(Path(__file__).with_name("kubeconfig.py"))]
    try:
        done = subprocess.run(  # noqa: S603 - this very program
            command, capture_output=True, text=True, timeout=_READ_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        message = f"the kubeconfig's exec plugin said nothing for {_READ_SECONDS:.0f} s"
        raise NoClusterError(message) from error
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise NoClusterError(f"the kubeconfig gives no credentials: {reason}")
    return kopf.ConnectionInfo(**orjson.loads(done.stdout))


def tls(connection: kopf.ConnectionInfo) -> ssl.SSLContext:
    """Return the TLS context that trusts the server and shows the client's certificate.

    Raises NoClusterError.
    """
    try:
        return _context(connection)
    except (OSError, ValueError) as error:  # OSError: OpenSSL's, too
        raise NoClusterError(f"a certificate or key of the kubeconfig is none: {error}") from error


def _context(connection: kopf.ConnectionInfo) -> ssl.SSLContext:
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


def tls_facts(connection: kopf.ConnectionInfo) -> tuple[object, ...]:
    """Return all that TLS is set up from; another value asks for new connections.

    Of files also what is in them, as they are replaced in place: by the kubelet with each
    new token, mostly by the same. Raises NoClusterError if one can't be read.
    """
    paths = (connection.ca_path, connection.certificate_path, connection.private_key_path)
    return (
        connection.server,
        connection.insecure,
        connection.ca_data,
        connection.certificate_data,
        connection.private_key_data,
        *((str(path), _digest(Path(str(path)))) for path in paths if path),
    )


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise NoClusterError(f"{path} can't be read: {error.strerror}") from error


def _text(data: str | bytes | None) -> str | None:
    return base64.b64decode(data).decode() if data else None
