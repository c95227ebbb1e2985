"""A registry of images on loopback, for as long as it is needed: Debian's docker-registry."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml

from shop_cluster.errors import ClusterError
from shop_cluster.paths import cache
from shop_cluster.progress import long_step
from shop_cluster.shell import run

_PACKAGE = "docker-registry"
_SECONDS = 60


@contextmanager
def serving(storage: Path, *, port: int) -> Iterator[str]:
    """Serve what is in `storage` while the block runs, and yield the registry's HOST:PORT.

    What it logs is in `registry.log` beside its storage.

    Raises:
        ClusterError: the program could not be fetched, the port is in use, or it did not start.

    """
    program = _program()
    host = f"127.0.0.1:{port}"
    if _answers(host):
        raise ClusterError(f"port {port} is in use: choose another with ARGS=--port=5001")
    storage.mkdir(parents=True, exist_ok=True)
    configuration = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(storage.resolve())}},
        "http": {"addr": host},
    }
    with (
        tempfile.NamedTemporaryFile("w", suffix=".yaml") as file,
        storage.with_name("registry.log").open("wb") as log,
    ):
        yaml.safe_dump(configuration, file)
        file.flush()
        command = [str(program), "serve", file.name]
        with subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:  # noqa: S603 - our own words
            try:
                _wait(host, process, log=Path(log.name))
                yield host
            finally:
                process.terminate()


def _wait(host: str, process: subprocess.Popen[bytes], *, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while not _answers(host):
        if process.poll() is not None or time.monotonic() > deadline:
            said = (log.read_text().strip().splitlines() or ["it said nothing"])[-1]
            raise ClusterError(f"the registry did not start: {said}")
        time.sleep(0.05)


def _answers(host: str) -> bool:
    try:
        httpx.get(f"http://{host}/v2/", timeout=5)
    except httpx.ConnectError:
        return False
    except httpx.HTTPError:
        return True  # somebody is there, and no registry
    return True


def _program() -> Path:
    """Return the registry's program; fetched, it is not installed: no service of it starts."""
    found = shutil.which(_PACKAGE)
    if found:
        return Path(found)
    home = cache() / _PACKAGE
    if not home.exists():
        if shutil.which("apt-get") is None:
            raise ClusterError(
                f"install {_PACKAGE} first, or push to a registry: ARGS=--registry=…"
            )
        home.parent.mkdir(parents=True, exist_ok=True)
        with (
            long_step(f"fetching {_PACKAGE}"),
            tempfile.TemporaryDirectory(dir=home.parent) as folder,
        ):
            run("apt-get", "download", "--quiet", _PACKAGE, cwd=Path(folder))
            [package] = Path(folder).glob("*.deb")
            run("dpkg-deb", "--extract", str(package), f"{folder}/root")
            Path(folder, "root").rename(home)
    return home / "usr" / "bin" / _PACKAGE
