"""The verifier of a password, checked by the exchange in RFC 7677, section 3."""

import base64
import hashlib
import hmac

import pytest

from shop_operator.stores.postgres.scram import verifier

SALT = "W22ZaJ0SNY7soEsUEjb6gQ=="
FIRST = "n=user,r=rOprNGfwEbeRWgbNEkqO"
NONCE = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SERVER = f"r={NONCE},s={SALT},i=4096"
MESSAGE = f"{FIRST},{SERVER},c=biws,r={NONCE}".encode()
PROOF = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_it_accepts_the_proof_and_gives_the_signature_of_the_rfc() -> None:
    found = verifier("pencil", salt=base64.b64decode(SALT))
    kind, setup, keys = found.split("$")
    assert (kind, setup) == ("SCRAM-SHA-256", f"4096:{SALT}")
    stored_key, server_key = (base64.b64decode(key) for key in keys.split(":"))
    mask = hmac.digest(stored_key, MESSAGE, "sha256")
    proof = base64.b64decode(PROOF)
    client_key = bytes(left ^ right for left, right in zip(proof, mask, strict=True))
    assert hashlib.sha256(client_key).digest() == stored_key
    signature = hmac.digest(server_key, MESSAGE, "sha256")
    assert base64.b64encode(signature).decode() == SIGNATURE


def test_each_has_a_salt_of_its_own() -> None:
    assert verifier("pencil") != verifier("pencil")


def test_a_password_that_needs_saslprep_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        verifier("pässword")
