"""The CPU that an order costs each pod, and a read of the catalogue, beyond what it takes idle."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from load import order_load
from load.cpu import Meter
from load.read_load import KINDS, targets
from load.shop import Shop, say
from load.vegeta import Target, attack

SECONDS = 30
CALM_SECONDS = 15
"""After registrations and orders: until their messages are sent."""
READS_A_SECOND = 100
READ_SECONDS = 10


async def cost(shop: Shop, rate: int) -> None:
    """Print each pod's milliseconds for an order and for a read, and what it takes idle."""
    await asyncio.sleep(CALM_SECONDS)
    meter = await Meter.of_cluster(shop.kubectl)
    # What is counted are the seconds, so it is CPU a second.
    idle = await _taken(meter, {}, lambda: asyncio.sleep(SECONDS, result=SECONDS))

    async def orders() -> int:
        done = await order_load.run(shop, rate=rate, seconds=SECONDS)
        await asyncio.sleep(CALM_SECONDS)
        return done.accepted

    each = {"order": await _taken(meter, idle, orders)}
    for kind in KINDS:
        asked = targets(shop, kind, READS_A_SECOND * READ_SECONDS)

        async def reads(asked: list[Target] = asked) -> int:
            report = await asyncio.to_thread(
                attack, asked, rate=READS_A_SECOND, seconds=READ_SECONDS
            )
            return report.statuses["200"]

        each[kind] = await _taken(meter, idle, reads)
    say(
        f"\nCPU in ms: orders at {rate} a second for {SECONDS} s, reads at {READS_A_SECOND}"
        f" a second for {READ_SECONDS} s; idle in thousandths of a core.\n\n"
        f"| | idle | {' | '.join(each)} |\n|---|---|{'---|' * len(each)}"
    )
    _row("all", sum(idle.values()), [sum(taken.values()) for taken in each.values()])
    for name in sorted(idle, key=each["order"].__getitem__, reverse=True):
        _row(name, idle[name], [taken[name] for taken in each.values()])


async def _taken(
    meter: Meter, idle: dict[str, float], work: Callable[[], Awaitable[int]]
) -> dict[str, float]:
    """Return what each pod took for one of the things that `work` says it did, idle subtracted."""
    began, before = time.monotonic(), meter.read()
    count = await work()
    seconds, after = time.monotonic() - began, meter.read()
    return {
        name: (after[name] - before[name] - idle.get(name, 0.0) * seconds) / count for name in after
    }


def _row(name: str, idle: float, each: list[float]) -> None:
    cells = " | ".join(f"{taken * 1000:.1f}" for taken in each)
    say(f"| {name} | {idle * 1000:.1f} m | {cells} |")
