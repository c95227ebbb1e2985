"""A clone of the repository that Flux follows, and what a test asks of the cluster behind it."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from shop_journey.git_server import GitServer
from shop_journey.gitops import NAMESPACE as FLUX
from shop_journey.gitops import condition
from shop_journey.kubectl import Kubectl

from shop_cluster.flux_entry import KUSTOMIZATIONS

Answer = TypeVar("Answer")


NAMESPACE = "gitops-test"
NAME = "guestbook"
_CLIENT = """
import sys
from urllib.request import Request, urlopen

body = sys.argv[1].encode() if sys.argv[1:] else None
headers = {"Content-Type": "application/json"}
answer = urlopen(Request("http://127.0.0.1:8000/v1/guestbook", data=body, headers=headers))
print(answer.read().decode())
"""


@dataclass(frozen=True)
class Repository:
    """A clone of the repository; what is written in it is live once it is committed."""

    kubectl: Kubectl
    server: GitServer
    clone: Path

    @property
    def file(self) -> Path:
        """Where the guestbook's manifest is."""
        return self.clone / NAMESPACE / f"{NAME}.yaml"

    def write(self, service: dict[str, Any]) -> None:
        """Write the guestbook's manifest."""
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text(yaml.safe_dump(service))

    async def commit(self, message: str) -> str:
        """Commit and push what was written; return the commit's id."""
        return await self.server.commit(self.clone, message)

    async def kustomization(self, name: str = NAMESPACE) -> dict[str, Any]:
        """Return one of Flux's Kustomizations, the tests' own unless named."""
        return await self.kubectl.get(KUSTOMIZATIONS, name, "-n", FLUX)

    async def suspend(self, *, now: bool) -> None:
        """Have Flux look at the tests' own folder no more, or again."""
        patch = json.dumps({"spec": {"suspend": now}})
        named = (KUSTOMIZATIONS, NAMESPACE, "-n", FLUX)
        await self.kubectl("patch", *named, "--type=merge", f"--patch={patch}")

    async def applied(self, *, seconds: float = 300) -> None:
        """Return when the newest commit is live and healthy. Raises TimeoutError."""
        head = await self.server.head()

        async def is_applied() -> bool:
            found = await self.kustomization()
            revision = found.get("status", {}).get("lastAppliedRevision", "")
            ready = condition(found).get("status") == "True"
            return ready and str(revision).endswith(f":{head}")

        await until(is_applied, seconds=seconds)

    async def refused(self, commit: str, *, seconds: float) -> str:
        """Return what Flux says of a commit that it did not apply. Raises TimeoutError."""

        async def said() -> str:
            found = await self.kustomization()
            ready, status = condition(found), found.get("status", {})
            tried = status.get("lastAttemptedRevision", "").endswith(commit)
            message: str = ready["message"] if tried and ready.get("status") == "False" else ""
            return message

        return await until(said, seconds=seconds)

    async def service(self) -> dict[str, Any]:
        """Return the guestbook as the cluster has it."""
        return await self.kubectl.get("shopservice", NAME, "-n", NAMESPACE)

    async def entries(self) -> list[dict[str, Any]]:
        """Return what is in the guestbook, as a pod of it answers."""
        found: list[dict[str, Any]] = json.loads(await self._ask())
        return found

    async def sign(self, text: str) -> dict[str, Any]:
        """Write into the guestbook; return the entry."""
        entry: dict[str, Any] = json.loads(await self._ask(json.dumps({"text": text})))
        return entry

    async def _ask(self, *body: str) -> str:
        # In a pod that is ready: the namespace has no gateway.
        return await self.kubectl(
            "exec", "-n", NAMESPACE, f"deployment/{NAME}", "--", "python", "-c", _CLIENT, *body
        )


async def compare_with_git(kubectl: Kubectl, name: str) -> None:
    """Return when Flux has compared what one of its Kustomizations has with Git once more."""
    asked = str(uuid.uuid4())
    request = f"reconcile.fluxcd.io/requestedAt={asked}"
    await kubectl("annotate", KUSTOMIZATIONS, name, f"-n={FLUX}", "--overwrite", request)

    async def is_done() -> bool:
        found = await kubectl.get(KUSTOMIZATIONS, name, f"-n={FLUX}")
        return bool(found["status"].get("lastHandledReconcileAt") == asked)

    await until(is_done, seconds=300)


async def until(ask: Callable[[], Awaitable[Answer]], *, seconds: float) -> Answer:
    """Return the first answer that is true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (answer := await ask()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not in {seconds} s: {ask.__qualname__}")
        await asyncio.sleep(0.25)
    return answer
