"""Carriers' signatures: HMAC-SHA256 over time and body, as Stripe signs its webhooks."""

import hashlib
import hmac
from datetime import datetime, timedelta

from shop_shared.http.problems import Unauthenticated

TOLERANCE = timedelta(minutes=5)


def sign(secret: str, body: bytes, at: datetime) -> str:
    """Return the header `Carrier-Signature` of a body: `t=<unix seconds>,v1=<hex>`."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_digest(secret, seconds, body)}"


def verify(secret: str, header: str, body: bytes, at: datetime) -> None:
    """Raise Unauthenticated unless header signs this body, not longer ago than TOLERANCE."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    given = parts.get("t", "")
    if not (given.isascii() and given.isdigit() and len(given) <= 12):  # noqa: PLR2004 - year 33658
        raise Unauthenticated("The signature is malformed.")
    expected = _digest(secret, int(given), body)
    if not hmac.compare_digest(expected.encode(), parts.get("v1", "").encode()):
        raise Unauthenticated("The signature is not of this body.")
    if abs(at.timestamp() - int(given)) > TOLERANCE.total_seconds():
        raise Unauthenticated("The signature is too old.")


def _digest(secret: str, seconds: int, body: bytes) -> str:
    return hmac.new(secret.encode(), b"%d.%s" % (seconds, body), hashlib.sha256).hexdigest()
