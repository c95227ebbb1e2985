"""The rule by which orders get stock, without a store."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shop_product.allocation import Allocation, Offer, Refusal, allocate, merged

MUG, LAMP = UUID(int=1), UUID(int=2)


def offer(product_id: UUID, *, available: int = 10, threshold: int = 2, usd: int = 500) -> Offer:
    return Offer(
        product_id=product_id,
        sku=f"SKU-{product_id.int}",
        name="thing",
        prices={"USD": usd},
        available=available,
        low_stock_threshold=threshold,
    )


def test_an_order_is_priced_by_the_catalogue() -> None:
    outcome = allocate(
        {MUG: 2, LAMP: 1},
        currency="USD",
        offers={MUG: offer(MUG, usd=500), LAMP: offer(LAMP, usd=4_000)},
    )
    assert isinstance(outcome, Allocation)
    assert outcome.total == 5_000


def test_one_missing_line_refuses_the_whole_order() -> None:
    outcome = allocate(
        {MUG: 2, LAMP: 3}, currency="USD", offers={MUG: offer(MUG), LAMP: offer(LAMP, available=2)}
    )
    assert isinstance(outcome, Refusal)
    assert outcome.reason == "out_of_stock"
    assert [(line.product_id, line.requested, line.available) for line in outcome.lines] == [
        (LAMP, 3, 2)
    ]


def test_unknown_products_are_named() -> None:
    outcome = allocate({MUG: 1, LAMP: 1}, currency="USD", offers={MUG: offer(MUG)})
    assert isinstance(outcome, Refusal)
    assert outcome.reason == "unknown_product"
    assert [line.product_id for line in outcome.lines] == [LAMP]


def test_a_currency_without_a_price_is_refused() -> None:
    outcome = allocate({MUG: 1}, currency="IDR", offers={MUG: offer(MUG)})
    assert isinstance(outcome, Refusal)
    assert outcome.reason == "currency_mismatch"


def test_only_units_that_cross_the_threshold_run_low() -> None:
    def runs_low(available: int, quantity: int) -> bool:
        return offer(MUG, available=available).runs_low(quantity)

    assert not runs_low(10, 7)
    assert runs_low(10, 8)
    assert runs_low(3, 3)
    assert not runs_low(2, 1)


quantities = st.integers(1, 50)


@given(st.lists(st.tuples(st.sampled_from([MUG, LAMP, UUID(int=3)]), quantities), min_size=1))
def test_repeated_lines_count_together_in_the_order_of_ids(lines: list[tuple[UUID, int]]) -> None:
    wanted = merged(lines)
    assert list(wanted) == sorted({product_id for product_id, _ in lines})
    assert sum(wanted.values()) == sum(quantity for _, quantity in lines)


@given(
    st.dictionaries(st.sampled_from([MUG, LAMP]), quantities, min_size=1),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_an_allocation_never_takes_more_than_there_is(
    wanted: dict[UUID, int], mugs: int, lamps: int
) -> None:
    offers = {MUG: offer(MUG, available=mugs), LAMP: offer(LAMP, available=lamps)}
    outcome = allocate(wanted, currency="USD", offers=offers)
    if isinstance(outcome, Allocation):
        assert all(line.offer.available >= line.quantity for line in outcome.lines)
    else:
        assert any(quantity > offers[pid].available for pid, quantity in wanted.items())
