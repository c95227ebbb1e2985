"""Every way to pay, in every currency, near every limit: taken to the last minor unit, or declined.

By the adapters, over HTTP, from simulators that refuse what their providers refuse.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from payment_simulator import midtrans
from shop_payment.domain import (
    ChargePending,
    CustomerApproved,
    CustomerMustAct,
    MoneyCaptured,
    RefundStatus,
    Total,
)
from shop_payment.providers.catalogue import Providers, make_providers
from shop_payment.providers.protocol import Charge, ChargeAnswer, DeclinedError, RefundOrder
from shop_payment.settings import Settings
from shop_shared.clock import now
from shop_shared.money import MAX_AMOUNT, minor_digits
from shop_shared.payment_methods import OFFERED
from shop_shared.server import Service

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Stripe's SDK calls httpx in a way that httpx deprecates.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]

TOKENS = {"stripe": "pm_card_visa", "midtrans": "card-token"}
# Each limit of a provider is a round number of units, a few times a power of ten; and all around.
AMOUNTS = st.builds(
    lambda power, times, beside: min(max(times * 10**power + beside, 0), MAX_AMOUNT),
    st.integers(0, 15),
    st.sampled_from([1, 2, 3, 5, 9]),
    st.sampled_from([-100, -1, 0, 1, 50, 100]),
)


def _ways() -> Iterator[object]:
    for each in OFFERED:
        for currency in each.currencies:
            yield pytest.param(
                each.provider, each.method, currency, id=f"{each.provider} {each.method} {currency}"
            )


WAYS = list(_ways())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def providers(settings: Settings, service: Service) -> AsyncIterator[Providers]:
    made = make_providers(settings.model_copy(update={"provider_timeout_seconds": 20}))
    yield made
    for provider in made.values():
        await provider.close()


def charge_of(provider: str, method: str, total: Total) -> Charge:
    return Charge(
        payment_id=uuid4(),
        order_id=uuid4(),
        total=total,
        method=method,
        token=TOKENS.get(provider),
        expires_at=now() + timedelta(minutes=15),
        order_number="MS-7K3Q-9F25",
    )


async def create(providers: Providers, charge: Charge, provider: str) -> ChargeAnswer | None:
    """Return the answer to a charge, or None of one that is declined."""
    try:
        return await providers[provider].create(charge)
    except DeclinedError:
        return None


@pytest.mark.parametrize(("provider", "method", "currency"), WAYS)
@bounds(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(amount=AMOUNTS)
async def test_an_amount_is_taken_whole_or_declined(  # noqa: PLR0913 - parameters and fixtures
    *,
    provider: str,
    method: str,
    currency: str,
    amount: int,
    providers: Providers,
    simulator: Service,
) -> None:
    charge = charge_of(provider, method, Total(amount=amount, currency=currency))
    answer = await create(providers, charge, provider)
    if amount == 0:
        assert answer is None
    match answer:
        case None:
            pass
        case MoneyCaptured(reference=reference, total=total):
            assert total == charge.total
            assert reference
            if provider == "midtrans":  # until it is settled a card is voided, which is no refund
                midtrans.settle(
                    simulator.app.state.desks[provider], str(charge.payment_id), paid=True
                )
            given_back = await providers[provider].refund(
                RefundOrder(
                    payment_id=charge.payment_id,
                    charge_reference=reference,
                    refund_id=uuid4(),
                    total=total,
                    reason="damaged",
                )
            )
            assert given_back.status is not RefundStatus.FAILED
            reports = await providers[provider].fetch_refunds(charge, reference)
            assert [report.total for report in reports] == [total]
        case CustomerMustAct(reference=reference) | ChargePending(reference=reference):
            again = await providers[provider].fetch(charge, reference)
            assert isinstance(again, CustomerMustAct | ChargePending)
        case CustomerApproved():
            pass
        case _:
            pytest.fail(f"{answer} of {charge.total}")


@pytest.mark.parametrize(("provider", "method", "currency"), WAYS)
async def test_a_usual_price_is_taken(
    provider: str, method: str, currency: str, providers: Providers
) -> None:
    """As people pay: about 20 dollars, 2,000 yen or 200,000 rupiah."""
    units = {"IDR": 200_000, "JPY": 2000, "PHP": 1000}.get(currency, 20)
    total = Total(amount=units * 10 ** minor_digits(currency), currency=currency)
    assert await create(providers, charge_of(provider, method, total), provider) is not None
