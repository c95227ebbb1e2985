"""PayPal's webhooks: signatures verified here instead of by a call back to PayPal, and read.

RSA-SHA256 over `transmission id|time|webhook id|crc32 of the raw body in decimal`, by the key of a
certificate that the message names. Anybody can name a certificate, so only those of pinned origins
are fetched. https://developer.paypal.com/api/rest/webhooks/rest/#link-verifythemessagesignature
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from shop_payment.domain import Total
from shop_payment.providers.amounts import UnreadableAmountError, from_decimal
from shop_payment.providers.protocol import (
    Concern,
    ForgedWebhookError,
    NotSentError,
    WebhookNotice,
    as_reference,
    as_uuid,
)

_MAX_CERTIFICATES = 16
_FAILURES = frozenset({"CANCELLED", "DECLINED", "DENIED", "FAILED", "VOIDED"})
_LATER = frozenset({408, 425, 429})


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
        except (KeyError, ValueError) as error:  # b64decode: ValueError beyond ASCII
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
        except (httpx.InvalidURL, UnicodeError) as error:
            raise ForgedWebhookError("the certificate's address is none") from error
        if parsed.userinfo or _origin(parsed) not in self._origins:
            raise ForgedWebhookError(f"certificates of {parsed.host} are not trusted")
        try:
            response = await self._http.get(parsed)
        except httpx.HTTPError as error:
            raise NotSentError(f"cannot fetch {url}") from error
        if response.status_code in _LATER or response.is_server_error:
            raise NotSentError(f"no certificate at {url} now: {response.status_code}")
        if not response.is_success:
            raise ForgedWebhookError(f"no certificate at {url}")
        try:
            return x509.load_pem_x509_certificate(response.content)
        except ValueError as error:
            raise ForgedWebhookError(f"no certificate at {url}") from error


def _origin(url: httpx.URL) -> str:
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"


def read_notice(event: dict[str, Any]) -> WebhookNotice:
    """Read a verified event. Raises KeyError and the like for another shape."""
    kind: str = event["event_type"]
    resource: dict[str, Any] = event.get("resource") or {}
    related = (resource.get("supplementary_data") or {}).get("related_ids") or {}
    payment_id, reference = as_uuid(resource.get("custom_id")), related.get("order_id")
    concern = Concern.CHARGE
    if kind.startswith("CHECKOUT.ORDER."):
        units = resource.get("purchase_units") or [{}]
        payment_id, reference = as_uuid(units[0].get("custom_id")), resource.get("id")
    elif "DISPUTE" in kind or kind == "PAYMENT.CAPTURE.REVERSED":
        concern = Concern.DISPUTE
        payment_id = payment_id or _disputed(resource.get("disputed_transactions") or [])
    elif kind == "PAYMENT.CAPTURE.REFUNDED" or kind.startswith("PAYMENT.REFUND."):
        concern = Concern.REFUND
    return WebhookNotice(
        event_id=event["id"],
        kind=kind,
        concern=concern,
        payment_id=payment_id,
        reference=as_reference(reference),
        captured=_claimed(resource) if kind == "PAYMENT.CAPTURE.COMPLETED" else None,
        refund_id=as_uuid(resource.get("invoice_id")) if concern is Concern.REFUND else None,
        refund_reference=as_reference(resource.get("id")) if concern is Concern.REFUND else None,
        is_failure=kind.rpartition(".")[2] in _FAILURES,
    )


def _disputed(transactions: list[dict[str, Any]]) -> UUID | None:
    """Return the payment that a dispute is about.

    None where it is about several: it names none then, and so calls a person, whosever they are.
    """
    named = {each["custom"] for each in transactions if each.get("custom") is not None}
    return as_uuid(named.pop()) if len(named) == 1 else None


def _claimed(capture: dict[str, Any]) -> Total | None:
    try:
        amount = capture["amount"]
        return from_decimal(amount["value"], amount["currency_code"])
    except UnreadableAmountError:  # the API is asked, and its answer is held and alerted
        return None
