"""The few calls of kubectl that bringing the shop up needs."""

import asyncio
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shop_cluster.errors import NO_CLUSTER
from shop_journey.steps import StepFailedError

APPLY = ("apply", "--server-side", "--force-conflicts")
"""A checkout's manifests decide their own fields, also those that Flux, or a person, had before."""
MANAGER = "kubectl"
"""Who then owns those fields: kubectl's own name, so that they are a person's to apply too."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one cluster; without a kubeconfig, for the current context."""

    kubeconfig: Path | None = None
    program: str = "kubectl"

    def command(self, *arguments: str) -> list[str]:
        """Return the words of a call."""
        config = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return [self.program, *config, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a program that finds the cluster as kubectl would."""
        config = {"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {}
        return {**os.environ, **config}

    async def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Call it and return what it printed.

        Raises:
            StepFailedError: there is no cluster; or what it complained of.

        """
        if self.kubeconfig and not self.kubeconfig.exists():
            raise StepFailedError(NO_CLUSTER)
        process = await asyncio.create_subprocess_exec(
            *self.command(*arguments),
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin.encode() if stdin is not None else None)
        if process.returncode:
            raise StepFailedError(f"kubectl {' '.join(arguments)}: {err.decode().strip()}")
        return out.decode()

    async def get(self, *arguments: str) -> dict[str, Any]:
        """Return objects as JSON."""
        found: dict[str, Any] = json.loads(await self("get", *arguments, "-o", "json"))
        return found

    async def apply(self, *manifests: dict[str, Any]) -> None:
        """Apply manifests by server-side apply; what they say wins over what others said."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        await self(*APPLY, "--field-manager=minishop", "-f", "-", stdin=text)


def program(fallback: Path) -> str:
    """Return the kubectl of this machine, or the fallback where it has none."""
    return shutil.which("kubectl") or str(fallback)
