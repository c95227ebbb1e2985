"""The repository that Flux follows: read over HTTP in the cluster, written by `kubectl exec`."""

import asyncio
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shop_journey.kubectl import Kubectl
from shop_journey.place import ROOT
from shop_journey.steps import StepFailedError

DEPLOYED = ("crds", "kustomize", "manifests")
"""The folders of the checkout that the repository has."""
_REPOSITORY = "/srv/git/minishop.git"
_BRANCH = "main"
_BUILT = shutil.ignore_patterns("fetched")


@dataclass(frozen=True)
class GitServer:
    """The Git server of the layer `gitops`.

    Every method raises StepFailedError with git's reason.
    """

    kubectl: Kubectl

    @property
    def remote(self) -> str:
        """The URL to clone from and push to: git has kubectl run its other end, which is `%S`."""
        words = self.kubectl.command(
            "exec", "-i", "-n", "flux-system", "git-0", "--", "%S", _REPOSITORY
        )
        return "ext::" + " ".join(word.replace(" ", "% ") for word in words)

    async def head(self) -> str | None:
        """Return the id of the newest commit, None in an empty repository."""
        told = await self.git("ls-remote", self.remote, f"refs/heads/{_BRANCH}")
        return told.split()[0] if told else None

    async def clone(self, folder: Path) -> None:
        """Clone it to a new folder."""
        await self.git("clone", "--quiet", self.remote, str(folder))

    async def commit(self, clone: Path, message: str) -> str:
        """Commit and push whatever differs in a clone; return the id of the newest commit then."""
        git = ("-C", str(clone))
        await self.git(*git, "add", "--all")
        if await self.git(*git, "status", "--porcelain"):
            await self.git(*git, "commit", "--quiet", f"--message={message}")
            await self.git(*git, "push", "--quiet", "origin", f"HEAD:refs/heads/{_BRANCH}")
        return (await self.git(*git, "rev-parse", "HEAD")).strip()

    async def commit_checkout(self, message: str) -> str:
        """Commit the manifests as this checkout has them; return the newest commit's id."""
        with tempfile.TemporaryDirectory() as scratch:
            clone = Path(scratch) / "minishop"
            await self.clone(clone)
            for name in DEPLOYED:
                shutil.rmtree(clone / name, ignore_errors=True)
                shutil.copytree(ROOT / name, clone / name, ignore=_BUILT)
            return await self.commit(clone, message)

    async def git(self, *words: str) -> str:
        """Run git, as whoever it knows or else as `minishop`, and return what it printed."""
        identity = {
            "GIT_AUTHOR_NAME": "minishop",
            "GIT_AUTHOR_EMAIL": "minishop@localhost",
            "GIT_COMMITTER_NAME": "minishop",
            "GIT_COMMITTER_EMAIL": "minishop@localhost",
        }
        process = await asyncio.create_subprocess_exec(
            "git",
            "-c",
            "protocol.ext.allow=always",
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**identity, **os.environ},
        )
        out, err = await process.communicate()
        if process.returncode:
            raise StepFailedError(f"git {words[0]}: {err.decode().strip()}", "make logs")
        return out.decode()
