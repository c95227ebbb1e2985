"""Patches one byte of Debezium's core, so that an idle connector sleeps and does not spin.

usage: python3 patch_debezium.py DEBEZIUM_CORE.JAR

`Threads.Timer.expired()` asks whether more than the time is over, `remaining()` gives what is left
in whole milliseconds. So a connector that waits for events waits until 0 ms are left, and then asks
in a loop without a pause for a whole millisecond, each `poll.interval.ms`: at 10 ms a tenth of a
core, for each connector, day and night. Patched, the timer has expired when its time is over (`>=`
in place of `>`). Debezium 3.3.2; 3.6.1 has the same timer. Why it is done so: ADR 0024.
"""

# ruff: noqa: INP001 -- a program beside the image that it is for, not a module
import hashlib
import sys
import zipfile
from pathlib import Path

TIMER = "io/debezium/util/Threads$2.class"
KNOWN = "2ae6bbd4ca04bd364f7e7dcfaabd18f2f7a81cb81f3fa2a1a13b987a81b8425d"
"""SHA-256 of the class as it was compiled: one that was never looked at is not patched."""
# lcmp; ifle, and lcmp; iflt (Java Virtual Machine Specification, chapter 6).
MORE = b"\x94\x9e"
AT_LEAST = b"\x94\x9b"


def patched(compiled: bytes) -> bytes:
    """Return the class with the other comparison. Raises ValueError if it is not the known one."""
    if hashlib.sha256(compiled).hexdigest() != KNOWN or compiled.count(MORE) != 1:
        raise ValueError(
            f"{TIMER} is not that of Debezium 3.3.2: see whether it still spins, and patch or drop"
            " images/kafka/patch_debezium.py"
        )
    return compiled.replace(MORE, AT_LEAST)


def patch(jar: Path) -> None:
    """Replace the class in a jar; all else in it stays. Raises ValueError, KeyError."""
    unfinished = jar.with_suffix(".unfinished")
    with zipfile.ZipFile(jar) as before, zipfile.ZipFile(unfinished, "w") as after:
        compiled = patched(before.read(TIMER))
        for entry in before.infolist():
            content = compiled if entry.filename == TIMER else before.read(entry)
            after.writestr(entry, content)
    unfinished.replace(jar)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        patch(Path(name))
