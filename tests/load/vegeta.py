"""Open-loop load by vegeta at the version that `tools/` locks: requests start when they are due."""

import base64
import json
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from shop_cluster.build import tool

TIMEOUT = "30s"


@dataclass(frozen=True)
class Target:
    """One request; `body` is sent as JSON."""

    method: str
    url: str
    headers: dict[str, str]
    body: object = None

    def line(self) -> str:
        """Return it as vegeta reads it."""
        target: dict[str, Any] = {
            "method": self.method,
            "url": self.url,
            "header": {name: [value] for name, value in self.headers.items()},
        }
        if self.body is not None:
            target["header"]["Content-Type"] = ["application/json"]
            target["body"] = base64.b64encode(json.dumps(self.body).encode()).decode()
        return json.dumps(target)


@dataclass(frozen=True)
class Report:
    """What came of an attack: answers a second, milliseconds, and answers by status."""

    rate: float
    p50: float
    p99: float
    statuses: dict[str, int]
    success: float

    @classmethod
    def of(cls, text: str) -> Self:
        """Read vegeta's JSON report; its times are nanoseconds."""
        told = json.loads(text)
        return cls(
            rate=told["throughput"],
            p50=told["latencies"]["50th"] / 1e6,
            p99=told["latencies"]["99th"] / 1e6,
            statuses=told["status_codes"],
            success=told["success"],
        )


def attack(targets: Iterable[Target], *, rate: int, seconds: int) -> Report:
    """Send the targets in turn at `rate` a second. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "targets", Path(folder) / "results"
        asked.write_text("".join(target.line() + "\n" for target in targets))
        _vegeta(
            "attack",
            "-format=json",
            f"-targets={asked}",
            f"-output={answered}",
            f"-rate={rate}",
            f"-duration={seconds}s",
            f"-timeout={TIMEOUT}",
            "-max-workers=2000",
        )
        return Report.of(_vegeta("report", "-type=json", str(answered)))


def _vegeta(*words: str) -> str:
    command = [str(tool("vegeta")), *words]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
