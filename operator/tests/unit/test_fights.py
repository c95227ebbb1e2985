"""A field that is fought over is put right less and less often, until the other is quiet."""

from dataclasses import dataclass

from shop_operator.apply.fights import FREE_CORRECTIONS, Fights

FIELD = ("Deployment", "spec.replicas")


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: float = 1.0

    def __call__(self) -> float:
        return self.now


def test_an_hour_of_fighting_costs_few_corrections() -> None:
    clock = Clock()
    fights = Fights(clock)
    corrections = 0
    while clock.now < 3600:
        if fights.seconds_left(FIELD) == 0:
            fights.record(FIELD)
            corrections += 1
        clock.now += 1
    assert FREE_CORRECTIONS + 12 < corrections < FREE_CORRECTIONS + 25
    assert fights.of("Deployment") == [FIELD]
    assert fights.seconds_left(("Deployment", "spec.paused")) == 0


def test_one_change_after_another_is_no_fight() -> None:
    clock = Clock()
    fights = Fights(clock)
    for _ in range(10):
        assert fights.seconds_left(FIELD) == 0
        fights.record(FIELD)
        clock.now += 61
    assert not fights.is_fought_over(FIELD)


def test_quiet_ends_a_fight() -> None:
    clock = Clock()
    fights = Fights(clock)
    for _ in range(FREE_CORRECTIONS + 2):
        fights.record(FIELD)
    assert fights.is_fought_over(FIELD)
    clock.now += fights.quiet_after(FIELD) + 1
    assert not fights.is_fought_over(FIELD)
    assert fights.seconds_left(FIELD) == 0
