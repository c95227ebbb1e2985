"""Signing keys: what is taken, what is published, how they are turned over."""

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shop_auth.keys import BadKeyError, KeyRing, new_pem

CLAIMS = {"sub": "somebody"}


def verified(token: str, ring: KeyRing) -> str:
    keys = jwt.PyJWKSet.from_dict(ring.jwks())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return str(jwt.decode(token, key, algorithms=["EdDSA"])["sub"])


def test_a_token_is_verified_by_what_is_published() -> None:
    ring = KeyRing.from_pem(new_pem())
    token = ring.sign(CLAIMS)
    assert verified(token, ring) == "somebody"
    assert jwt.get_unverified_header(token)["alg"] == "EdDSA"


def test_nothing_private_is_published() -> None:
    ring = KeyRing.from_pem(new_pem() + new_pem())
    assert all("d" not in key for key in ring.jwks()["keys"])


def test_no_token_is_refused_while_keys_turn_over() -> None:
    old, new = new_pem(), new_pem()
    before, overlap, turned = (KeyRing.from_pem(pem) for pem in (old, old + new, new + old))
    for signer, verifier in ((before, overlap), (overlap, turned), (turned, overlap)):
        assert verified(signer.sign(CLAIMS), verifier) == "somebody"


def test_the_kid_is_the_thumbprint_of_rfc_8037() -> None:
    # RFC 8037, appendix A.3: the key of A.1 and its thumbprint.
    secret = (
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
        "-----END PRIVATE KEY-----"
    )
    [key] = KeyRing.from_pem(secret).keys
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def other_key(passphrase: bytes | None = None, *, curve: bool = False) -> str:
    """Return a private key in PEM that is not what is asked for."""
    private = generate_private_key(SECP256R1()) if curve else Ed25519PrivateKey.generate()
    cipher = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher
    ).decode()


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        ("", "openssl genpkey"),
        ("no key", "no PRIVATE KEY block"),
        (other_key(curve=True), "no Ed25519 key"),
        (new_pem().replace("MC4C", "AAAA"), "PEM block 1"),
        (new_pem() + new_pem().replace("MC4C", "AAAA"), "PEM block 2"),
        (other_key(b"a passphrase"), "only 0 of 1"),
        (new_pem() + other_key(b"a passphrase"), "only 1 of 2"),
        (new_pem() + new_pem()[:60], "only 1 of 2"),
        (new_pem().replace("PRIVATE", "EC PRIVATE"), "only 0 of 1"),
    ],
    ids=lambda part: part if len(part) < 30 else "",
)
def test_other_keys_are_refused_and_nothing_of_them_is_told(pem: str, words: str) -> None:
    with pytest.raises(BadKeyError, match=words) as refused:
        KeyRing.from_pem(pem)
    for line in pem.splitlines():
        assert line.startswith("-----") or line == "no key" or line not in str(refused.value)


def test_a_key_that_is_there_twice_is_published_once() -> None:
    pem = new_pem()
    assert len(KeyRing.from_pem(pem + "\n" + pem).jwks()["keys"]) == 1
