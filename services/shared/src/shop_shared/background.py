"""Work that is repeated for as long as the process lives, and how long to wait after a failure."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

MAX_DOUBLINGS = 30
_log = structlog.get_logger(__name__)


def backoff(failures: int, *, first: float, most: float) -> float:
    """Return the seconds to wait after that many failures in a row.

    `first` doubles with each further failure, up to `most`, and 0 to 30 % are taken off at random
    so that clients that failed together do not return together. Any number of failures is safe.
    """
    doubled = first * 2.0 ** min(max(failures - 1, 0), MAX_DOUBLINGS)
    return min(doubled, most) * random.uniform(0.7, 1.0)  # noqa: S311 - jitter


async def every(
    seconds: float,
    work: Callable[[], Awaitable[object]],
    *,
    is_temporary: Callable[[Exception], bool],
    most: float = 60.0,
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
            await asyncio.sleep(backoff(failures, first=seconds, most=max(most, seconds)))
        else:
            failures = 0
            await asyncio.sleep(seconds)
