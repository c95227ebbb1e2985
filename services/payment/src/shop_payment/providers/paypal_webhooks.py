"""PayPal's webhook signatures, verified here instead of by a call back to PayPal.

RSA-SHA256 over `transmission id|time|webhook id|crc32 of the raw body in decimal`, by the key of a
certificate that the message names. Anybody can name a certificate, so only those of pinned origins
are fetched. https://developer.paypal.com/api/rest/webhooks/rest/#link-verifythemessagesignature
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from shop_payment.providers.protocol import ForgedWebhookError, UnavailableError

_MAX_CERTIFICATES = 16


class PayPalSignatures:
    """Verifies the webhooks of one webhook id by certificates from `origins` (scheme://host)."""

    def __init__(self, *, webhook_id: str, origins: Collection[str], timeout: float) -> None:
        self._webhook_id = webhook_id
        self._origins = frozenset(origins)
        self._http = httpx.AsyncClient(timeout=timeout, follow_redirects=False)
        self._certificates: dict[str, x509.Certificate] = {}

    async def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise ForgedWebhookError unless PayPal signed exactly this body for our webhook."""
        try:
            transmission_id = headers["paypal-transmission-id"]
            sent_at = headers["paypal-transmission-time"]
            signature = base64.b64decode(headers["paypal-transmission-sig"], validate=True)
            url = headers["paypal-cert-url"]
            algorithm = headers["paypal-auth-algo"]
        except (KeyError, binascii.Error) as error:
            raise ForgedWebhookError(f"header missing or malformed: {error}") from error
        if algorithm.upper() != "SHA256WITHRSA":
            raise ForgedWebhookError("only SHA256withRSA is accepted")
        certificate = await self._certificate(url)
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise ForgedWebhookError("the certificate's key is not RSA")
        message = f"{transmission_id}|{sent_at}|{self._webhook_id}|{zlib.crc32(body)}"
        try:
            key.verify(signature, message.encode(), PKCS1v15(), SHA256())
        except InvalidSignature as error:
            raise ForgedWebhookError("the signature does not fit the body") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _certificate(self, url: str) -> x509.Certificate:
        certificate = self._certificates.get(url)
        if certificate is None:
            certificate = await self._fetch(url)
            if len(self._certificates) >= _MAX_CERTIFICATES:
                self._certificates.clear()
            self._certificates[url] = certificate
        now = datetime.now(UTC)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise ForgedWebhookError("the certificate is not valid now")
        return certificate

    async def _fetch(self, url: str) -> x509.Certificate:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ForgedWebhookError("the certificate's address is none") from error
        if parsed.userinfo or _origin(parsed) not in self._origins:
            raise ForgedWebhookError(f"certificates of {parsed.host} are not trusted")
        try:
            response = await self._http.get(parsed)
            response.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise ForgedWebhookError(f"no certificate at {url}") from error
        except httpx.HTTPError as error:
            raise UnavailableError(f"cannot fetch {url}") from error
        try:
            return x509.load_pem_x509_certificate(response.content)
        except ValueError as error:
            raise ForgedWebhookError(f"no certificate at {url}") from error


def _origin(url: httpx.URL) -> str:
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"
