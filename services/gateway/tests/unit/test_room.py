import asyncio

import pytest

from shop_gateway.room import Limits, NoRoomError, Room


class Visitor:
    """Takes a place and keeps it until told to leave."""

    def __init__(self, room: Room) -> None:
        self.is_in = asyncio.Event()
        self.leave = asyncio.Event()
        self.visit = asyncio.create_task(self._visit(room))

    async def _visit(self, room: Room) -> None:
        async with room.place():
            self.is_in.set()
            await self.leave.wait()


async def come(room: Room, count: int) -> list[Visitor]:
    visitors = [Visitor(room) for _ in range(count)]
    await asyncio.sleep(0)
    return visitors


def room(*, at_once: int, waiting: int, wait_seconds: float = 60) -> Room:
    return Room(Limits(at_once=at_once, waiting=waiting, wait_seconds=wait_seconds))


async def finish(*visitors: Visitor) -> None:
    for visitor in visitors:
        visitor.leave.set()
    await asyncio.gather(*(visitor.visit for visitor in visitors))


async def test_who_waits_comes_in_when_one_leaves_in_the_order_of_coming() -> None:
    first, second, third = await come(room(at_once=1, waiting=2), 3)
    assert (second.is_in.is_set(), third.is_in.is_set()) == (False, False)
    await finish(first)
    await second.is_in.wait()
    assert not third.is_in.is_set()
    await finish(second, third)


async def test_one_too_many_is_refused_at_once_and_its_place_was_nobodys() -> None:
    full = room(at_once=1, waiting=1)
    visitors = await come(full, 2)
    with pytest.raises(NoRoomError):
        async with full.place():
            pytest.fail("there was room")
    await finish(*visitors)
    async with full.place():
        pass


async def test_who_has_waited_long_enough_is_refused_and_waits_no_more() -> None:
    full = room(at_once=1, waiting=1, wait_seconds=0.01)
    [inside] = await come(full, 1)
    for _ in range(3):
        with pytest.raises(NoRoomError):
            async with full.place():
                pytest.fail("there was room")
    await finish(inside)


async def test_a_place_is_free_again_after_its_call_failed() -> None:
    small = room(at_once=1, waiting=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            async with small.place():
                raise ValueError("broken")


async def test_who_gives_up_while_waiting_leaves_no_gap() -> None:
    inside, impatient, patient = await come(small := room(at_once=1, waiting=2), 3)
    impatient.visit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient.visit
    await finish(inside)
    await patient.is_in.wait()
    await finish(patient)
    async with small.place():
        pass


async def test_who_gives_up_just_as_their_turn_comes_passes_it_on() -> None:
    inside, impatient, patient = await come(room(at_once=1, waiting=2), 3)
    inside.leave.set()
    await inside.visit
    impatient.visit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient.visit
    await patient.is_in.wait()
    await finish(patient)


async def test_who_gives_up_in_the_moment_in_which_another_leaves_is_passed_over() -> None:
    inside, impatient, patient = await come(room(at_once=1, waiting=2), 3)
    inside.leave.set()
    impatient.visit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient.visit
    await patient.is_in.wait()
    await finish(inside, patient)


async def test_another_pod_makes_room_at_once() -> None:
    growing = room(at_once=1, waiting=3)
    first, second, third = await come(growing, 3)
    growing.resize(2)
    await second.is_in.wait()
    assert not third.is_in.is_set()
    await finish(first, second, third)
