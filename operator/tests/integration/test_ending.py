"""An operator that is told to end does."""

import asyncio
import contextlib

import pytest

from shop_operator.reconcile import Reconciler

from .shop import Shop


async def test_it_ends_though_a_library_goes_on_when_it_is_cancelled(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, workers = asyncio.Event(), list[asyncio.Task[object]]()

    async def deaf(_: Reconciler, __: object) -> None:
        begun.set()
        if (worker := asyncio.current_task()) is not None:
            workers.append(worker)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    monkeypatch.setattr(Reconciler, "reconcile", deaf)
    await shop.start()
    await shop.declare("deaf")
    await begun.wait()
    _, late = await asyncio.wait({asyncio.create_task(shop.stop())}, timeout=30)
    for worker in workers:  # else one that did not end keeps the test from its own
        worker.cancel()
    assert not late
