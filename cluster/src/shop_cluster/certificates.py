"""The cluster's own certificate authority and the certificates it signs.

Every party of a cluster is known by its certificate: the common name is the user, the
organisations are the groups (Kubernetes, "X509 client certificates"). Keys are P-256: they are
made in milliseconds. Each certificate has what RFC 5280 asks for (4.2.1.1 to 4.2.1.3), which Python
from 3.13 on insists on.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Clusters from before have certificates without key identifiers, named .crt alone. Programs that
# are given another file are started again, so these take their place at the next `up`.
_SUFFIX = ".rfc5280.crt"
_LIFETIME = dt.timedelta(days=3650)
_SIGNS = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """Signs certificates into one folder; keys that are there already are kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.certificate.exists():
            self._create()
        self._key = serialization.load_pem_private_key(
            (folder / "ca.key").read_bytes(), password=None
        )
        self._issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes())

    @property
    def certificate(self) -> Path:
        """The authority's own certificate (PEM)."""
        return self.folder / f"ca{_SUFFIX}"

    def issue(
        self,
        name: str,
        *,
        user: str,
        groups: Sequence[str] = (),
        hosts: Sequence[str] = (),
    ) -> tuple[Path, Path]:
        """Return (certificate, key) for a client and, when it has hosts, for a server too.

        ``hosts`` are DNS names or IP addresses. A pair that exists is kept.
        """
        certificate, key = self.folder / f"{name}{_SUFFIX}", self.folder / f"{name}.key"
        if certificate.exists():
            return certificate, key
        private = _key(key)
        subject = x509.Name(
            [
                *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups),
                x509.NameAttribute(NameOID.COMMON_NAME, user),
            ]
        )
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = _builder(subject, self._issuer.subject, private.public_key())
        if hosts:
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(self._identifier(), critical=False)
        signed = builder.sign(_signing_key(self._key), hashes.SHA256())
        # Last, and at once: its presence says that the pair is whole.
        _write(certificate, signed.public_bytes(serialization.Encoding.PEM))
        return certificate, key

    def signing_key(self, name: str) -> tuple[Path, Path]:
        """Return (public key, private key) for tokens; a pair that exists is kept."""
        public, key = self.folder / f"{name}.pub", self.folder / f"{name}.key"
        if not public.exists():
            private = _key(key)
            _write(
                public,
                private.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                ),
            )
        return public, key

    def _create(self) -> None:
        key = _key(self.folder / "ca.key")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "minishop-cluster")])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _builder(name, name, key.public_key())
            .add_extension(constraints, critical=True)
            .add_extension(_SIGNS, critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(self.certificate, certificate.public_bytes(serialization.Encoding.PEM))

    def _identifier(self) -> x509.AuthorityKeyIdentifier:
        own = self._issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # A clock that was set back a little must not refuse a new certificate.
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _signing_key(key: object) -> ec.EllipticCurvePrivateKey:
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("a key of the cluster is not an elliptic curve key")
    return key


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return the private key of a file, made where there is none."""
    if path.exists():
        return _signing_key(serialization.load_pem_private_key(path.read_bytes(), password=None))
    key = ec.generate_private_key(ec.SECP256R1())
    _write_key(path, key)
    return key


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write(path, pem, mode=0o600)


def _write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=mode)
    partial.write_bytes(data)
    partial.rename(path)
