"""Which answers of a provider fail a payment: its documented no, and nothing else."""

from __future__ import annotations

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from shop_payment.providers import midtrans, xendit
from shop_payment.providers.http import DECLINED, error_of_status
from shop_payment.providers.protocol import Blame, as_reference
from shop_payment.providers.stripe import _provider_error


@pytest.mark.parametrize(
    ("status", "readable", "blame"),
    [
        *((status, True, Blame.DECLINED) for status in (400, 402, 412, 422)),
        *((status, False, Blame.UNREADABLE) for status in (400, 402, 412, 422)),
        *((status, readable, Blame.NOT_AUTHORISED) for status in (401, 403) for readable in (0, 1)),
        *((status, True, Blame.UNREADABLE) for status in (200, 302, 404, 405, 410, 413, 415, 451)),
        *((status, True, Blame.UNKNOWN) for status in (408, 409, 425, 500, 502, 503, 504, 520)),
        (429, True, Blame.NOT_SENT),
    ],
)
def test_the_blame_of_a_status(status: int, readable: bool, blame: Blame) -> None:  # noqa: FBT001 - a table's column
    assert error_of_status(status, "summary", readable=readable).blame is blame


@given(st.integers(100, 999), st.booleans())
def test_only_a_documented_no_fails_a_payment(status: int, readable: bool) -> None:  # noqa: FBT001 - as above
    is_no = error_of_status(status, "summary", readable=readable).blame is Blame.DECLINED
    assert is_no == (readable and status in DECLINED)


@pytest.mark.parametrize(
    ("code", "blame"),
    [
        (400, Blame.DECLINED),
        (401, Blame.NOT_AUTHORISED),
        (402, Blame.NOT_AUTHORISED),
        (404, Blame.UNREADABLE),
        (411, Blame.DECLINED),
        (429, Blame.NOT_SENT),
        (500, Blame.UNKNOWN),
        (505, Blame.UNKNOWN),
    ],
)
def test_the_blame_of_a_status_code_of_midtrans(code: int, blame: Blame) -> None:
    assert midtrans._error(code, "summary").blame is blame


@pytest.mark.parametrize(
    ("error", "blame"),
    [
        (stripe.APIConnectionError("reset"), Blame.UNKNOWN),  # type: ignore[no-untyped-call] # the SDK left it so
        (stripe.IdempotencyError("other parameters", http_status=400), Blame.UNKNOWN),
        (stripe.RateLimitError("slow down", http_status=429), Blame.NOT_SENT),
        (stripe.AuthenticationError("expired", http_status=401), Blame.NOT_AUTHORISED),
        (stripe.PermissionError("restricted", http_status=403), Blame.NOT_AUTHORISED),
        (stripe.APIError("a page of a proxy", http_status=401), Blame.NOT_AUTHORISED),
        (stripe.APIError("no JSON", http_status=200), Blame.UNREADABLE),
        (stripe.APIError("no JSON", http_status=400), Blame.UNREADABLE),
        (stripe.APIError("oops", http_status=500), Blame.UNKNOWN),
        (
            stripe.InvalidRequestError(  # type: ignore[no-untyped-call] # as above
                "too small",
                "amount",
                http_status=400,
                json_body={"error": {"code": "amount_too_small"}},
            ),
            Blame.DECLINED,
        ),
    ],
)
def test_the_blame_of_an_error_of_stripes_sdk(error: stripe.StripeError, blame: Blame) -> None:
    assert _provider_error(error).blame is blame


@pytest.mark.parametrize(
    "value",
    [
        "../balance",
        "a/b",
        "x?y",
        "x#y",
        "..",
        "",
        " ",
        "a" * 201,
        "\0",
        "\u0663",
        7,
        [{}],
        None,
        "%2e%2e",
    ],
)
def test_what_cannot_be_a_reference_is_none(value: object) -> None:
    assert as_reference(value) is None


@pytest.mark.parametrize(
    "value",
    ["pi_3MtwBwLkdIwHu7ix28a3tqPa", "5O190127TN364715T", "579c8d61f23fa4ca35e52da4", "a-b:c"],
)
def test_a_providers_ids_are_references(value: str) -> None:
    assert as_reference(value) == value


def test_an_unsigned_webhook_does_not_choose_what_is_asked_of_the_provider() -> None:
    notice = xendit._notice({"id": "../../balance", "external_id": "x", "status": "PAID"}, "event")
    assert notice.reference is None
