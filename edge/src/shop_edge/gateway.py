"""What is configured: the declared configuration in force, and the Envoy that follows it."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from shop_edge.certificate import self_signed
from shop_edge.entities import Certificate, Declared, parse
from shop_edge.envoy.control import EnvoyFiles
from shop_edge.envoy.snapshot import Ports, snapshot

NO_CONFIG: Final = "0" * 32
"""Kong's hash of having no configuration; a controller that reads it sends its own anew."""


class Gateway:
    """Takes a configuration whole or not at all, one at a time."""

    def __init__(self, folder: Path, *, ports: Ports) -> None:
        self._folder = folder
        self._ports = ports
        self._envoy = EnvoyFiles(folder, ports=ports)
        self._turn = asyncio.Lock()
        self._fallback = self._certificate()
        self.hash = NO_CONFIG
        self.document: dict[str, Any] = {}
        self._restore()

    @property
    def is_configured(self) -> bool:
        """Return True once a configuration is in force."""
        return self.hash != NO_CONFIG

    async def configure(self, document: dict[str, Any]) -> str:
        """Have a configuration in force, and return its hash.

        Raises:
            InvalidConfigError: it is refused; the one before stays in force.
            EnvoyAwayError: Envoy could not be told; it is to be sent again.

        """
        async with self._turn:
            wanted = snapshot(
                parse(document), folder=self._folder, ports=self._ports, fallback=self._fallback
            )
            await self._envoy.follow(wanted)
            self.hash, self.document = _hash(document), document
            self._keep(self._folder / "kong.json", json.dumps(document))
            return self.hash

    def _restore(self) -> None:
        """Begin with the configuration that was in force before a restart, or with none."""
        kept = self._folder / "kong.json"
        declared = Declared()
        if kept.exists():
            self.document = json.loads(kept.read_text())
            self.hash = _hash(self.document)
            declared = parse(self.document)
        self._envoy.begin(
            snapshot(declared, folder=self._folder, ports=self._ports, fallback=self._fallback)
        )

    def _certificate(self) -> Certificate:
        """Return the certificate for want of another, the same after a restart."""
        kept = self._folder / "fallback.json"
        if not kept.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._keep(kept, self_signed().model_dump_json())
        return Certificate.model_validate_json(kept.read_text())

    @staticmethod
    def _keep(file: Path, text: str) -> None:
        partial = file.with_name(f".{file.name}.partial")
        partial.touch(mode=0o600)
        partial.write_text(text)
        partial.replace(file)


def _hash(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[: len(NO_CONFIG)]
