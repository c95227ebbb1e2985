"""An issuer of access tokens for tests, in the auth service's stead."""

import time
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID, uuid4

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shop_shared.http.tokens import ALGORITHM, Revocations, TokenVerifier


class Signer:
    """Signs tokens with a key of its own; `verifier()` is one that knows it.

    create_app(settings, …, verifier=signer.verifier()); headers=signer.headers(user_id).
    """

    def __init__(
        self,
        *,
        issuer: str = "https://auth.minishop.dev",
        audience: str = "minishop",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.issuer = issuer
        self.audience = audience
        self.kid = uuid4().hex
        self.key = Ed25519PrivateKey.generate()
        self._clock = clock

    def jwks(self) -> dict[str, Any]:
        """Return the key set to publish."""
        public = jwt.algorithms.OKPAlgorithm.to_jwk(self.key.public_key())
        key = {**orjson.loads(public), "kid": self.kid, "use": "sig", "alg": ALGORITHM}
        return {"keys": [key]}

    def verifier(self, revocations: Revocations | None = None) -> TokenVerifier:
        """Make a verifier of this signer's tokens."""

        async def fetch() -> dict[str, Any]:
            return self.jwks()

        return TokenVerifier(
            fetch,
            issuer=self.issuer,
            audience=self.audience,
            revocations=revocations,
            clock=self._clock,
        )

    def token(
        self, subject: UUID | str, roles: Collection[str] = ("customer",), **claims: object
    ) -> str:
        """Sign a token of ten minutes; claims are added, or replace those it would have."""
        at = int(self._clock())
        content = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(subject),
            "roles": list(roles),
            "scope": "",
            "sid": uuid4().hex,
            "jti": uuid4().hex,
            "iat": at,
            "exp": at + 600,
            **claims,
        }
        return jwt.encode(content, self.key, algorithm=ALGORITHM, headers={"kid": self.kid})

    def headers(
        self, subject: UUID | str, roles: Collection[str] = ("customer",), **claims: object
    ) -> dict[str, str]:
        """Return the request headers of a caller."""
        return {"Authorization": f"Bearer {self.token(subject, roles, **claims)}"}
