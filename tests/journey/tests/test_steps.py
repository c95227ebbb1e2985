import asyncio
import io
import sys

import pytest
from rich.console import Console
from shop_journey.steps import Report, Step, StepFailedError, View, command, run


def view(*names: str) -> tuple[View, io.StringIO]:
    out = io.StringIO()
    return View(names, Console(file=out, width=200)), out


async def test_a_step_waits_for_those_it_needs() -> None:
    order: list[str] = []

    async def first(report: Report) -> None:
        report("warming up")
        await asyncio.sleep(0)
        order.append("first")

    async def second(report: Report) -> None:
        order.append("second")

    shown, out = view("second", "first")
    await run([Step("second", second, needs=("first",)), Step("first", first)], shown)
    assert order == ["first", "second"]
    assert "first: warming up" in out.getvalue()


async def test_a_failure_stops_the_others_and_keeps_its_reason() -> None:
    stopped = asyncio.Event()

    async def endless(report: Report) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def fails(report: Report) -> None:
        raise StepFailedError("port 6443 is taken", "the log")

    shown, _ = view("endless", "fails")
    with pytest.raises(StepFailedError, match="6443") as caught:
        await run([Step("endless", endless), Step("fails", fails)], shown)
    assert caught.value.look == "the log"
    assert stopped.is_set()


async def test_a_command_reports_its_lines_and_fails_with_the_last_of_them() -> None:
    news: list[str] = []
    await command(sys.executable, "-c", "print('one'); print('two')", report=news.append)
    assert news == ["one", "two"]
    with pytest.raises(StepFailedError, match="no such disk"):
        await command(
            sys.executable, "-c", "print('no such disk'); raise SystemExit(3)", report=news.append
        )
