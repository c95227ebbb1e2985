from datetime import UTC, datetime, timedelta

import pytest

from shop_shared.http.problems import Unauthenticated
from shop_shipping.signatures import sign, verify

AT = datetime(2026, 1, 1, tzinfo=UTC)
BODY = b'{"status":"dispatched"}'


def test_a_signed_body_is_accepted() -> None:
    verify("key", sign("key", BODY, AT), BODY, AT + timedelta(minutes=4))


@pytest.mark.parametrize(
    ("header", "body", "at"),
    [
        (sign("other", BODY, AT), BODY, AT),
        (sign("key", BODY, AT), BODY + b" ", AT),
        (sign("key", BODY, AT), BODY, AT + timedelta(minutes=6)),
        (sign("key", BODY, AT), BODY, AT - timedelta(minutes=6)),
        (sign("key", BODY, AT)[:-1], BODY, AT),
        ("", BODY, AT),
        ("t=,v1=", BODY, AT),
        ("t=²,v1=é", BODY, AT),
        (f"t={'9' * 400},v1=x", BODY, AT),
    ],
    ids=repr,
)
def test_anything_else_is_refused(header: str, body: bytes, at: datetime) -> None:
    with pytest.raises(Unauthenticated):
        verify("key", header, body, at)
