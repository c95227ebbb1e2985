"""Carriers' signatures: HMAC-SHA256 over time, shipment and body.

As Stripe signs its webhooks, and with the shipment's id, because that stands in the URL and not in
the body: a signed scan of one parcel proves nothing about another.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from uuid import UUID

from shop_shared.http.problems import Unauthenticated

TOLERANCE = timedelta(minutes=5)


def sign(secret: str, shipment_id: UUID, body: bytes, at: datetime) -> str:
    """Return the header `Carrier-Signature` of a scan: `t=<unix seconds>,v1=<hex>`."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_digest(secret, seconds, shipment_id, body)}"


def verify(secret: str, header: str, shipment_id: UUID, body: bytes, *, at: datetime) -> None:
    """Raise Unauthenticated unless header signs this scan, within TOLERANCE of `at`.

    Within that time the same scan may come again: it changes nothing.
    """
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    given = parts.get("t", "")
    if not (given.isascii() and given.isdigit() and len(given) <= 12):  # noqa: PLR2004 - year 33658
        raise Unauthenticated("The signature is malformed.")
    expected = _digest(secret, int(given), shipment_id, body)
    if not hmac.compare_digest(expected.encode(), parts.get("v1", "").encode()):
        raise Unauthenticated("The signature is not of this shipment and body.")
    if abs(at.timestamp() - int(given)) > TOLERANCE.total_seconds():
        raise Unauthenticated("The signature is too old or of the future.")


def _digest(secret: str, seconds: int, shipment_id: UUID, body: bytes) -> str:
    signed = b"%d.%s.%s" % (seconds, str(shipment_id).encode(), body)
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
