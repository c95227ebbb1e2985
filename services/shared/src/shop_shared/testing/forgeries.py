"""Tokens that must not count (RFC 8725), each but for one thing as good as any.

Put together by hand, as a library refuses to make most of them.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID, uuid4

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shop_shared.testing.signer import Signer

Forgery = Callable[[Signer], str]


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _claims(signer: Signer, **changes: object) -> dict[str, Any]:
    """Return an administrator's claims with changes; a None takes one away."""
    at = int(time.time())
    claims = {
        "iss": signer.issuer,
        "aud": signer.audience,
        "sub": str(UUID(int=1)),
        "roles": ["admin"],
        "scope": "",
        "sid": uuid4().hex,
        "jti": uuid4().hex,
        "iat": at,
        "exp": at + 600,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _head(header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    return f"{_part(orjson.dumps(header))}.{_part(orjson.dumps(claims))}"


def _signed(signer: Signer, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    head = _head({"alg": "EdDSA", **header}, claims)
    return f"{head}.{_part(signer.key.sign(head.encode()))}"


def _claiming(**changes: object) -> Forgery:
    return lambda signer: _signed(signer, {"kid": signer.kid}, _claims(signer, **changes))


def _naming(**header: object) -> Forgery:
    return lambda signer: _signed(signer, header, _claims(signer))


def _unsigned(alg: str, signature: str) -> Forgery:
    return lambda signer: (
        f"{_head({'alg': alg, 'kid': signer.kid}, _claims(signer))}.{_part(signature.encode())}"
    )


def _hs256(secret: Callable[[Signer], bytes]) -> Forgery:
    def forge(signer: Signer) -> str:
        head = _head({"alg": "HS256", "kid": signer.kid}, _claims(signer))
        return f"{head}.{_part(hmac.digest(secret(signer), head.encode(), hashlib.sha256))}"

    return forge


def _public(encoding: Encoding, form: PublicFormat) -> Callable[[Signer], bytes]:
    return lambda signer: signer.key.public_key().public_bytes(encoding, form)


def _published_x(signer: Signer) -> bytes:
    return str(signer.jwks()["keys"][0]["x"]).encode()


def _rs256(signer: Signer) -> str:
    key = generate_private_key(65537, 2048)
    return jwt.encode(_claims(signer), key, "RS256", headers={"kid": signer.kid})


def _brought_along(**header: object) -> Forgery:
    def forge(signer: Signer) -> str:
        other = Signer()
        own = {"jwk": other.jwks()["keys"][0], "kid": other.kid}
        return _signed(other, {**own, **header}, _claims(signer))

    return forge


def _altered(signer: Signer) -> str:
    _, _, signature = _signed(signer, {"kid": signer.kid}, _claims(signer)).split(".")
    promoted = _claims(signer, roles=["admin", "service"])
    return f"{_head({'alg': 'EdDSA', 'kid': signer.kid}, promoted)}.{signature}"


def _cut(signer: Signer) -> str:
    return _signed(signer, {"kid": signer.kid}, _claims(signer))[:-4] + "AAAA"


_AT = int(time.time())

FORGERIES: Mapping[str, Forgery] = {
    "alg none": _unsigned("none", ""),
    "alg None": _unsigned("None", ""),
    "alg none with a signature": _unsigned("none", "AAA"),
    "alg empty": _unsigned("", ""),
    "HS256 with the public key in PEM": _hs256(
        _public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    ),
    "HS256 with the public key raw": _hs256(_public(Encoding.Raw, PublicFormat.Raw)),
    "HS256 with the published x": _hs256(_published_x),
    "HS256 with nothing": _hs256(lambda _signer: b""),
    "RS256": _rs256,
    "kid missing": _naming(),
    "kid empty": _naming(kid=""),
    "kid unknown": _naming(kid="unknown"),
    "kid a path": _naming(kid="../../dev/null"),
    "kid SQL": _naming(kid="' OR 1=1 --"),
    "kid a number": _naming(kid=7),
    "kid a list": _naming(kid=["x"]),
    "kid an object": _naming(kid={"$ne": None}),
    "key in the header": _brought_along(),
    "key at a URL": _brought_along(jku="http://127.0.0.1:1/keys"),
    "key of someone else": lambda signer: _brought_along(kid=signer.kid)(signer),
    "altered": _altered,
    "signature cut": _cut,
    "expired": _claiming(exp=_AT - 60),
    "never expires": _claiming(exp=None),
    "expires at text": _claiming(exp="4000000000"),
    "expires at true": _claiming(exp=True),
    "from the future": _claiming(iat=_AT + 36000),
    "not yet": _claiming(nbf=_AT + 36000),
    "other audience": _claiming(aud="other"),
    "no audience": _claiming(aud=None),
    "other issuer": _claiming(iss="https://evil.example"),
    "no issuer": _claiming(iss=None),
    "nobody's": _claiming(sub=None),
    "not a token": lambda _signer: "abc",
    "empty parts": lambda _signer: "..",
    "many parts": lambda _signer: "." * 9,
    "not ASCII": lambda _signer: "\N{LATIN SMALL LETTER U WITH DIAERESIS}.b.c",
    "very long": _claiming(pad="x" * 10_000),
}
"""Makes each kind of forgery of a signer's tokens."""


def good(signer: Signer) -> str:
    """Return the token that the forgeries are made of, which counts."""
    return _signed(signer, {"kid": signer.kid}, _claims(signer))
