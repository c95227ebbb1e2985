"""E-mail addresses: one canonical address per mailbox, which is stored, compared and written to.

The local part in NFC and lower case (RFC 5321 leaves its case to the mail server; every large
provider ignores it), the domain as the A-labels that DNS has (IDNA 2008, UTS #46). So
`Ada@Bücher.example` and `ada@xn--bcher-kva.example` are one address, and mail goes to the latter.
"""

import unicodedata
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, StringConstraints

MAX_LENGTH = 254
"""Octets of an address in SMTP (RFC 5321, 4.5.3.1.3, and its erratum 1690)."""


class BadEmailError(ValueError):
    """No address that mail can be sent to."""


def canonical(address: str) -> str:
    """Return the address of the mailbox. Raises BadEmailError, saying what is wrong.

    Canonical addresses are returned as they are. Nothing is looked up in DNS.
    """
    try:
        parts = validate_email(
            address.strip(),
            check_deliverability=False,
            allow_smtputf8=True,
            strict=True,  # no local part over 64 octets (RFC 5321, 4.5.3.1.1)
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise BadEmailError(str(error)) from error
    local = unicodedata.normalize("NFC", parts.local_part.lower())
    if "=?" in local:
        # An encoded word (RFC 2047): software that decodes it would write to somebody else.
        raise BadEmailError("The part before the @-sign must not contain '=?'.")
    found = f"{local}@{parts.ascii_domain}"
    if len(found.encode()) > MAX_LENGTH:
        raise BadEmailError(f"An e-mail address has at most {MAX_LENGTH} octets.")
    return found


Email = Annotated[
    str,
    StringConstraints(max_length=MAX_LENGTH),
    AfterValidator(canonical),
    Field(examples=["ada@example.com"]),
]
"""A field that is an e-mail address; its value is the canonical one."""
