"""Tells the person at the keyboard what happens and how long it takes."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_BEGAN = time.monotonic()


def say(text: str) -> None:
    """Print one line on stderr, with the seconds since the command began."""
    sys.stderr.write(f"{time.monotonic() - _BEGAN:6.1f}s  {text}\n")
    sys.stderr.flush()


@contextmanager
def long_step(what: str) -> Iterator[None]:
    """Say what is being done, and every half minute that it still is."""
    done = threading.Event()

    def tell() -> None:
        while not done.wait(30):
            say(f"… {what}")

    say(what)
    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
