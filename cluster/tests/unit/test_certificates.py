"""The cluster's certificates, held against what Python 3.13 asks for, and those from before."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shop_cluster.certificates import Authority

ADDRESS = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])


def shake_hands(trusted: Path, certificate: Path, key: Path) -> None:
    """Connect to a server of that certificate. Raises ssl.SSLError where it is not trusted."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    asking = ssl.create_default_context(cafile=trusted)
    asking.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            serving.wrap_socket(there, server_side=True).close()
        except (ssl.SSLError, OSError):
            there.close()

    server = threading.Thread(target=serve)
    server.start()
    try:
        asking.wrap_socket(here, server_hostname="127.0.0.1").close()
    finally:
        here.close()
        server.join()


def authority_from_before(folder: Path) -> tuple[Path, Path]:
    """Make an authority as it was, without key identifiers, and a server's pair of it."""
    folder.mkdir()
    names = {
        each: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)])
        for each in ("minishop-cluster", "server")
    }
    keys = {each: ec.generate_private_key(ec.SECP256R1()) for each in ("ca", "server")}
    now = dt.datetime.now(dt.UTC)
    for each, key in keys.items():
        builder = (
            x509.CertificateBuilder()
            .subject_name(names.get(each, names["minishop-cluster"]))
            .issuer_name(names["minishop-cluster"])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=each == "ca", path_length=None), critical=True)
            .add_extension(ADDRESS, critical=False)
        )
        signed = builder.sign(keys["ca"], hashes.SHA256())
        (folder / f"{each}.crt").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / f"{each}.key").write_bytes(pem)
    return folder / "server.crt", folder / "server.key"


def test_python_3_13_trusts_a_server(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    pair = authority.issue("server", user="server", hosts=["127.0.0.1"])
    shake_hands(authority.certificate, *pair)
    other = Authority(tmp_path / "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(other.certificate, *pair)


def test_an_authority_from_before_keeps_its_keys(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    certificate, key = authority_from_before(folder)
    before = key.read_bytes(), (folder / "ca.key").read_bytes()
    with pytest.raises(ssl.SSLCertVerificationError, match=r"Key Identifier|key usage"):
        shake_hands(folder / "ca.crt", certificate, key)

    authority = Authority(folder)
    pair = authority.issue("server", user="server", hosts=["127.0.0.1"])
    shake_hands(authority.certificate, *pair)
    assert (key.read_bytes(), (folder / "ca.key").read_bytes()) == before
    # Whoever still trusts the certificate from before trusts what is signed now.
    old = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    x509.load_pem_x509_certificate(pair[0].read_bytes()).verify_directly_issued_by(old)


def test_what_exists_is_kept(tmp_path: Path) -> None:
    first = Authority(tmp_path).issue("client", user="admin")
    read = [file.read_bytes() for file in first]
    assert [file.read_bytes() for file in Authority(tmp_path).issue("client", user="admin")] == read
