"""Steps that need one another, run as early as they can be, in one live view.

On a terminal the view is a table that changes in place; elsewhere, as in a build log,
each news is a line.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

Report = Callable[[str], None]


class StepFailedError(Exception):
    """A step could not be done. `look` says where its reason can be found."""

    def __init__(self, reason: str, look: str = "") -> None:
        super().__init__(reason)
        self.look = look


@dataclass(frozen=True)
class Step:
    """A piece of work: `run` reports what it waits for, and returns when that is so."""

    name: str
    run: Callable[[Report], Awaitable[None]]
    needs: tuple[str, ...] = ()


@dataclass
class _State:
    mark: str = "·"
    news: str = ""
    started: float | None = None
    ended: float | None = None

    def seconds(self) -> str:
        if self.started is None:
            return ""
        return f"{(self.ended or time.monotonic()) - self.started:.1f} s"


@dataclass
class View:
    """What each step is doing, shown live."""

    names: Sequence[str]
    console: Console = field(default_factory=Console)
    states: dict[str, _State] = field(init=False)

    def __post_init__(self) -> None:
        self.states = {name: _State() for name in self.names}

    def __rich__(self) -> Table:
        """Return the table as it is now; called again at each refresh."""
        table = Table.grid(padding=(0, 2))
        for name, state in self.states.items():
            news = Text(state.news, overflow="ellipsis", no_wrap=True)
            table.add_row(state.mark, name, Text(state.seconds(), justify="right"), news)
        return table

    def tell(self, name: str, news: str) -> None:
        """Show what a step is doing or waiting for."""
        state = self.states[name]
        if news == state.news:
            return
        state.news = news
        if not self.console.is_terminal:
            line = f"{state.seconds():>8}  {name}: {news}"
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)


async def run(steps: Sequence[Step], view: View) -> None:
    """Run all steps, each once those it needs are done. The first failure stops the others.

    Raises StepFailedError.
    """
    done = {step.name: asyncio.Event() for step in steps}

    async def one(step: Step) -> None:
        for need in step.needs:
            await done[need].wait()
        state = view.states[step.name]
        state.mark, state.started = "…", time.monotonic()
        try:
            await step.run(lambda news: view.tell(step.name, news))
        except BaseException:
            state.mark, state.ended = "✗", time.monotonic()
            raise
        state.mark, state.ended = "✓", time.monotonic()
        view.tell(step.name, "done")
        done[step.name].set()

    live = Live(view, console=view.console) if view.console.is_terminal else nullcontext()
    with live:
        try:
            async with asyncio.TaskGroup() as group:
                for step in steps:
                    group.create_task(one(step))
        except BaseExceptionGroup as errors:  # `except*` wraps what it raises before Python 3.11.4
            failures, others = errors.split(StepFailedError)
            if failures is None or others is not None:
                raise
            first: BaseException = failures
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None


async def command(
    *argv: str, report: Report, look: str = "", env: dict[str, str] | None = None
) -> str:
    """Run a program, reporting its last line as it goes, and return all it printed.

    Raises StepFailedError with its last lines when it exits with another code than 0.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=env,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            lines.append(line)
            if line:
                report(line)
        code = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if code:
        tail = "\n".join(lines[-8:]) or f"exit code {code}"
        raise StepFailedError(f"`{' '.join(argv)}` failed:\n{tail}", look)
    return "\n".join(lines)
