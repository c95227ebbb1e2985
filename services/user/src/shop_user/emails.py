"""E-mail addresses: one spelling a mailbox, as far as can be known from here."""

import re
import unicodedata

MAX_LENGTH = 254
"""Octets an address may have in SMTP (RFC 5321, 4.5.3.1.3)."""

_ADDRESS = re.compile(
    r"(?P<local>[^\s@<>()\[\],;:\\\"]{1,64})@(?P<domain>[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)+)"
)


class BadEmailError(ValueError):
    """No address that mail could be sent to."""


def normalised(address: str) -> str:
    """Return the spelling by which an account is found: NFC, case folded.

    Folding the local part is not what RFC 5321 says but what every large mailbox provider does; two
    accounts that differ in case only would be one person's mistake, or another's trap. Raises
    ``BadEmailError``.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", address.strip()).casefold())
    if len(folded.encode()) > MAX_LENGTH or not _ADDRESS.fullmatch(folded) or ".." in folded:
        raise BadEmailError("not an e-mail address")
    return folded
