import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shop_shared.http.problems import Unauthenticated
from shop_shipping.signatures import sign, verify

AT = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID("01989f6a-0000-7000-8000-00000000000a")
BODY = b'{"status":"dispatched"}'


def test_a_signed_body_is_accepted() -> None:
    verify("key", sign("key", ID, BODY, AT), ID, BODY, at=AT + timedelta(minutes=4))


@pytest.mark.parametrize(
    ("header", "body", "at"),
    [
        (sign("key", UUID(int=7), BODY, AT), BODY, AT),
        (sign("other", ID, BODY, AT), BODY, AT),
        (sign("key", ID, BODY, AT), BODY + b" ", AT),
        (sign("key", ID, BODY, AT), BODY, AT + timedelta(minutes=6)),
        (sign("key", ID, BODY, AT), BODY, AT - timedelta(minutes=6)),
        (sign("key", ID, BODY, AT)[:-1], BODY, AT),
        ("", BODY, AT),
        ("t=,v1=", BODY, AT),
        ("t=²,v1=é", BODY, AT),
        (f"t={'9' * 400},v1=x", BODY, AT),
    ],
    ids=repr,
)
def test_anything_else_is_refused(header: str, body: bytes, at: datetime) -> None:
    with pytest.raises(Unauthenticated):
        verify("key", header, ID, body, at=at)


def test_what_is_signed_is_what_the_docs_say() -> None:
    signed = b"1767225600.01989f6a-0000-7000-8000-00000000000a." + BODY
    digest = hmac.new(b"key", signed, "sha256").hexdigest()
    assert sign("key", ID, BODY, AT) == f"t=1767225600,v1={digest}"
