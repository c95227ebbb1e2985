"""Identifiers that are derived: the same each time, of the source's time, for one purpose."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shop_shared.ids import derived, lowest_at, uuid7


@given(st.uuids(), st.text())
def test_the_same_each_time_and_a_version_7_of_the_sources_time(source: UUID, purpose: str) -> None:
    made = derived(source, purpose)
    assert made == derived(source, purpose)
    assert (made.version, made.variant) == (7, uuid7().variant)
    assert made.int >> 80 == source.int >> 80


@given(st.uuids(version=4), st.lists(st.text(), min_size=2))
def test_a_higher_number_sorts_later(source: UUID, purposes: list[str]) -> None:
    made = [derived(source, purpose, nth=nth) for nth, purpose in enumerate(purposes)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {each.version for each in made} == {7}


@given(st.uuids(), st.lists(st.text(), min_size=2, unique=True))
def test_another_purpose_or_source_is_another_id(source: UUID, purposes: list[str]) -> None:
    made = {derived(source, purpose) for purpose in purposes}
    assert len(made) == len(purposes)
    assert source not in made
    assert derived(uuid7(), purposes[0]) != derived(uuid7(), purposes[0])


@given(st.integers(0, 2**42))
def test_the_lowest_of_a_moment_is_a_version_7_of_it(milliseconds: int) -> None:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
    made = lowest_at(moment)
    assert (made.version, made.variant) == (7, uuid7().variant)
    assert made.int >> 80 == milliseconds
    assert made < lowest_at(moment + timedelta(milliseconds=1))
