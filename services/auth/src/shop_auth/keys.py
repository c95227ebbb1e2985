"""The keys that sign access tokens: Ed25519 only, told apart by thumbprint.

Rotation is a file edit: the ring holds several keys, the first signs, all are published. When a new
one begins to sign, and how long an old one is published, `key_source.py` decides.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "EdDSA"
_PEM = re.compile(r"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----", re.DOTALL)


class BadKeyError(ValueError):
    """The key file holds something else than Ed25519 keys in PKCS#8 PEM."""


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True)
class SigningKey:
    """One key pair and its id, the RFC 7638 thumbprint of the public half."""

    private: Ed25519PrivateKey
    kid: str

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> "SigningKey":
        """Name ``private`` by its thumbprint."""
        members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(_raw(private.public_key()))}
        canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
        return cls(private, _base64url(hashlib.sha256(canonical).digest()))

    def jwk(self) -> dict[str, str]:
        """Return the public half as a JSON Web Key (RFC 8037)."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": _base64url(_raw(self.private.public_key())),
            "kid": self.kid,
            "use": "sig",
            "alg": ALGORITHM,
        }


def _raw(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


@dataclass(frozen=True)
class KeyRing:
    """The keys in use: the first signs, all of them verify."""

    keys: Sequence[SigningKey]

    @classmethod
    def from_pem(cls, text: str) -> "KeyRing":
        """Read one or more PKCS#8 PEM blocks; raise ``BadKeyError`` on anything but Ed25519.

        What it says never holds anything of the text.
        """
        keys: list[SigningKey] = []
        blocks = len(_PEM.findall(text))
        if text.count("-----BEGIN ") != blocks:
            raise BadKeyError(
                f"only {blocks} of {text.count('-----BEGIN ')} PEM blocks are whole PRIVATE KEY "
                "blocks: each is to be an Ed25519 key in PKCS#8 without a passphrase"
            )
        for block in _PEM.findall(text):
            try:
                private = serialization.load_pem_private_key(block.encode(), password=None)
            except (ValueError, TypeError, UnsupportedAlgorithm) as error:
                number = len(keys) + 1
                raise BadKeyError(f"PEM block {number} is no PKCS#8 key: {error}") from error
            if not isinstance(private, Ed25519PrivateKey):
                raise BadKeyError(f"{type(private).__name__} is no Ed25519 key")
            key = SigningKey.of(private)
            if key.kid not in {each.kid for each in keys}:
                keys.append(key)
        if not keys:
            raise BadKeyError(
                "no PRIVATE KEY block in PEM; openssl genpkey -algorithm ed25519 makes one"
            )
        return cls(tuple(keys))

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the JSON Web Key Set (RFC 7517) of the public halves."""
        return {"keys": [key.jwk() for key in self.keys]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return ``claims`` as a JWT signed with the first key (typ as RFC 9068 asks)."""
        key = self.keys[0]
        return jwt.encode(
            dict(claims),
            key.private,
            algorithm=ALGORITHM,
            headers={"kid": key.kid, "typ": "at+jwt"},
        )


def new_pem() -> str:
    """Return a fresh private key in PKCS#8 PEM."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )
