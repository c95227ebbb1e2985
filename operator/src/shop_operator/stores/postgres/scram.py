"""A password as PostgreSQL stores it, computed here: the server and its log never see it in clear.

Source: RFC 5803 and 7677; PostgreSQL documentation, "CREATE ROLE", parameter PASSWORD.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

_ITERATIONS: Final = 4096
"""PostgreSQL's default, `scram_iterations`."""
_SALT_BYTES: Final = 16


def verifier(password: str, *, salt: bytes | None = None) -> str:
    """Return the SCRAM-SHA-256 verifier of an ASCII password, with a random salt unless given.

    Raises UnicodeEncodeError: other characters would need SASLprep (RFC 4013).
    """
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored_key = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    server_key = _hmac(salted, b"Server Key")
    return f"SCRAM-SHA-256${_ITERATIONS}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
