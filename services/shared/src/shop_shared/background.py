"""Work that is repeated for as long as the process lives, and how long to wait after a failure."""

import asyncio
import contextlib
import functools
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

ItemT = TypeVar("ItemT")
AnswerT = TypeVar("AnswerT")
MAX_DOUBLINGS = 30
_log = structlog.get_logger(__name__)


def backoff(failures: int, *, first: float, most: float) -> float:
    """Return the seconds to wait after that many failures in a row.

    `first` doubles with each further failure, up to `most`, and 0 to 30 % are taken off at random
    so that clients that failed together do not return together. Any number of failures is safe.
    """
    doubled = first * 2.0 ** min(max(failures - 1, 0), MAX_DOUBLINGS)
    return min(doubled, most) * random.uniform(0.7, 1.0)  # noqa: S311 - jitter


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often work is tried, and with which `backoff`; without a bound for ever."""

    first: float
    most: float
    bound: int | None = None
    """Attempts after which the work is parked for a person."""

    def delay(self, attempts: int) -> timedelta:
        """Return how long to wait after that many failed attempts."""
        return timedelta(seconds=backoff(attempts, first=self.first, most=self.most))

    def is_spent(self, attempts: int) -> bool:
        """Say whether that many failed attempts are enough: the work is parked."""
        return self.bound is not None and attempts >= self.bound


class WakeSignal:
    """Wakes a waiting worker, and only it: what it finds to do is not said here."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self, _payload: str = "") -> None:
        """Wake the waiter, or who waits next; a callback for `pg_notify.listen`."""
        self._woken.set()

    async def wait(self, seconds: float) -> None:
        """Return when woken, or after that many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()


class GroupedCalls(Generic[ItemT, AnswerT]):
    """Makes one call for all items that came while the call before it ran, as a group commit does.

    So an item that comes alone waits for nobody, and under load the calls are fewer and larger.
    """

    def __init__(self, call: Callable[[Sequence[ItemT]], Awaitable[Sequence[AnswerT]]]) -> None:
        """Take what answers many items: an answer each, in their order."""
        self._call = call
        self._waiting: list[tuple[ItemT, asyncio.Future[AnswerT]]] = []
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, item: ItemT) -> AnswerT:
        """Return the item's answer. Raises what the call raised, for each of its items."""
        answer: asyncio.Future[AnswerT] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                answers = await self._call([item for item, _ in group])
                for (_, waiting), answer in zip(group, answers, strict=True):
                    if not waiting.done():
                        waiting.set_result(answer)
            except Exception as error:  # noqa: BLE001 - each of those that wait for it raises it
                for _, waiting in group:
                    if not waiting.done():
                        waiting.set_exception(error)
        self._running = None


async def work_off(
    work: Callable[[], Awaitable[int]],
    *,
    signal: WakeSignal,
    seconds: float,
    is_temporary: Callable[[Exception], bool],
) -> None:
    """Call `work` until it has done nothing; again when woken, or after `seconds`. Until cancelled.

    So a lost wake-up costs `seconds` and no more. Errors are treated as by `every`.
    """

    @functools.wraps(work)
    async def work_until_idle() -> None:
        while await work():
            pass

    await every(seconds, work_until_idle, is_temporary=is_temporary, pause=signal.wait)


async def every(
    seconds: float,
    work: Callable[[], Awaitable[object]],
    *,
    is_temporary: Callable[[Exception], bool],
    most: float = 60.0,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Run `work` now, and again that many seconds after it ends, until cancelled.

    An error that `is_temporary` is logged and waited out with a backoff of at most `most` seconds
    (or `seconds`, where that is more). Any other error is raised and ends the process's task.
    """
    name = getattr(work, "__qualname__", None) or repr(work)
    failures = 0
    while True:
        try:
            await work()
        except Exception as error:
            if not is_temporary(error):
                raise
            failures += 1
            _log.warning("periodic work failed", work=name, failures=failures, error=repr(error))
            await pause(backoff(failures, first=seconds, most=max(most, seconds)))
        else:
            failures = 0
            await pause(seconds)
