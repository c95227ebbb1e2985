"""W3C trace context, carried by a context variable: no tracing library is needed to pass it on.

With OpenTelemetry on (`telemetry`), the current span's context is the one that counts.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FORMAT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def new_traceparent() -> str:
    """Return a traceparent of a new trace, not sampled."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-00"


def is_traceparent(value: str | None) -> bool:
    """Say whether value is a valid traceparent (W3C Trace Context, 3.2)."""
    match = _FORMAT.match(value) if value else None
    return match is not None and int(match[1], 16) != 0 and int(match[2], 16) != 0


def current_traceparent() -> str | None:
    """Return the traceparent of the request or event in hand."""
    return _current.get()


def current_trace_id() -> str | None:
    """Return the trace id (32 hex digits) of the request or event in hand."""
    traceparent = _current.get()
    return traceparent.split("-")[1] if traceparent else None


@contextmanager
def trace(traceparent: str | None) -> Iterator[str]:
    """Work in the given trace; in a new one where it is missing or malformed."""
    value = traceparent if traceparent and is_traceparent(traceparent) else new_traceparent()
    token = _current.set(value)
    try:
        yield value
    finally:
        _current.reset(token)
