"""Tokens that must not count (RFC 8725): each is refused by a route that a good one opens."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shop_auth.keys import KeyRing, new_pem
from shop_auth.settings import Settings
from shop_shared.server import Service

CLAIMS = {
    "iss": "https://auth.minishop.dev",
    "aud": "minishop",
    "sub": "00000000-0000-0000-0000-000000000001",
    "roles": ["admin"],
    "scope": "",
    "sid": "s",
    "jti": "j",
}


def claims(**changes: Any) -> dict[str, Any]:
    at = int(time.time())
    return {**CLAIMS, "iat": at, "exp": at + 600, **changes}


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.fixture
def ring(settings: Settings) -> KeyRing:
    assert settings.signing_keys is not None
    return KeyRing.from_pem(settings.signing_keys.get_secret_value())


async def status(http: httpx.AsyncClient, token: str) -> int:
    answer = await http.get("/v1/auth/sessions", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    return answer.status_code


async def test_a_good_token_counts(http: httpx.AsyncClient, ring: KeyRing) -> None:
    assert await status(http, ring.sign(claims())) == 200


@pytest.mark.parametrize("alg", ["none", "None", "NONE", ""])
async def test_no_algorithm(http: httpx.AsyncClient, ring: KeyRing, alg: str) -> None:
    header = part({"alg": alg, "kid": ring.keys[0].kid})
    for signature in ("", "AAAA"):
        assert await status(http, f"{header}.{part(claims())}.{signature}") == 401


async def test_the_public_key_as_a_secret(http: httpx.AsyncClient, ring: KeyRing) -> None:
    public = ring.keys[0].private.public_key()
    head = f"{part({'alg': 'HS256', 'kid': ring.keys[0].kid})}.{part(claims())}"
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        ring.jwks()["keys"][0]["x"].encode(),
    ):
        mac = hmac.digest(secret, head.encode(), hashlib.sha256)
        signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
        assert await status(http, f"{head}.{signature}") == 401


@pytest.mark.parametrize(
    "kid", [None, "", "unknown", "../../dev/null", "' OR 1=1 --", 7, ["x"], {"a": 1}]
)
async def test_tricks_with_the_kid(http: httpx.AsyncClient, ring: KeyRing, kid: Any) -> None:
    header = {"alg": "EdDSA", "typ": "at+jwt"} | ({} if kid is None else {"kid": kid})
    head = f"{part(header)}.{part(claims())}"
    raw = ring.keys[0].private.sign(head.encode())
    signature = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    assert await status(http, f"{head}.{signature}") == 401


async def test_a_key_brought_along(http: httpx.AsyncClient, ring: KeyRing) -> None:
    mine = KeyRing.from_pem(new_pem())
    for header in (
        {"jwk": mine.jwks()["keys"][0], "kid": mine.keys[0].kid},
        {"jku": "http://127.0.0.1:1/keys", "kid": mine.keys[0].kid},
        {"kid": ring.keys[0].kid},
    ):
        token = jwt.encode(
            claims(),
            mine.keys[0].private,
            algorithm="EdDSA",
            headers=header,
        )
        assert await status(http, token) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"exp": "tomorrow"},
        {"exp": True},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
    ],
    ids="-".join,  # not the times, which differ from worker to worker
)
async def test_claims_that_do_not_hold(
    http: httpx.AsyncClient, ring: KeyRing, changes: dict[str, Any]
) -> None:
    content = {name: value for name, value in claims(**changes).items() if value is not None}
    # Signed by hand: a library might refuse to make such a token.
    head = f"{part({'alg': 'EdDSA', 'kid': ring.keys[0].kid})}.{part(content)}"
    raw = ring.keys[0].private.sign(head.encode())
    token = f"{head}.{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"
    assert await status(http, token) == 401


async def test_an_altered_token(http: httpx.AsyncClient, ring: KeyRing) -> None:
    header, payload, signature = ring.sign(claims(roles=["customer"])).split(".")
    assert await status(http, f"{header}.{part(claims())}.{signature}") == 401
    assert await status(http, f"{header}.{payload}.{signature[:-4]}AAAA") == 401


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "." * 9, "é.é.é", "a" * 20_000])
async def test_what_is_no_token(http: httpx.AsyncClient, token: str) -> None:
    answer = await http.get(
        "/v1/auth/sessions", headers=[(b"Authorization", b"Bearer " + token.encode())]
    )
    assert answer.status_code == 401


async def test_a_revoked_session(http: httpx.AsyncClient, service: Service, ring: KeyRing) -> None:
    token = ring.sign(claims(sid="gone"))
    assert await status(http, token) == 200
    await service.app.state.auth._sessions.end(CLAIMS["sub"], "gone")
    assert await status(http, token) == 401


async def test_a_key_taken_out_of_the_ring(http: httpx.AsyncClient) -> None:
    assert await status(http, KeyRing.from_pem(new_pem()).sign(claims())) == 401
