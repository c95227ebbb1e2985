"""The route table: which service answers which path.

The operator writes it from the ShopServices' routes into a ConfigMap; the gateway reads the mounted
file and follows its changes, so a new service is reachable without a restart here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

log = structlog.get_logger()


class Entry(BaseModel):
    """A service as the operator writes it: `headless` resolves to the addresses of its pods.

    While its port changes and pods have two, it is the Service's name, which knows which has which.
    `version` changes with the entry; the operator asks for it at /routez.
    """

    service: str
    version: str = ""
    headless: str
    port: int = Field(gt=0, lt=65536)
    paths: list[str]


_ENTRIES = TypeAdapter(list[Entry])


@dataclass(frozen=True)
class Upstream:
    """A service behind the gateway: `host` is a DNS name that answers with one address a pod."""

    service: str
    host: str
    port: int


@dataclass(frozen=True)
class RouteTable:
    """Path prefixes, longest first, each with its upstream."""

    prefixes: tuple[tuple[str, Upstream], ...] = ()
    versions: tuple[tuple[Upstream, str], ...] = ()
    """Each service's entry, as the operator names it."""

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a `routes.json`. Raises pydantic.ValidationError when it is not one."""
        entries = [
            (Upstream(entry.service, entry.headless, entry.port), entry)
            for entry in _ENTRIES.validate_json(text)
        ]
        pairs = [(path.rstrip("/"), upstream) for upstream, e in entries for path in e.paths]
        return cls(
            tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), pair[0]))),
            tuple((upstream, entry.version) for upstream, entry in entries),
        )

    @property
    def upstreams(self) -> frozenset[Upstream]:
        """Every service once."""
        return frozenset(upstream for _, upstream in self.prefixes)

    def match(self, path: str) -> Upstream | None:
        """Return the upstream of the longest prefix that ends at a segment of `path`."""
        for prefix, upstream in self.prefixes:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                return upstream
        return None

    def service(self, name: str) -> Upstream | None:
        """Return the upstream of that name."""
        return next((u for u in self.upstreams if u.service == name), None)


async def follow(
    path: Path, changed: Callable[[RouteTable], Awaitable[None]], *, seconds: float = 0.5
) -> None:
    """Call `changed` with the table at `path`, now and after each change, until cancelled.

    A table that is missing or malformed is logged and leaves the one before in force. Polled,
    because the kubelet swaps a ConfigMap's files by a symbolic link that inotify does not see.
    """
    seen: bytes | None = None
    complaint = ""
    while True:
        try:
            text = await asyncio.to_thread(path.read_bytes)
            if text != seen:
                table = RouteTable.parse(text)
                await changed(table)
                log.info("routes.changed", prefixes=len(table.prefixes))
                seen, complaint = text, ""
        except (OSError, ValidationError) as error:
            if str(error) != complaint:
                log.warning("routes.unreadable", path=str(path), error=str(error))
                complaint = str(error)
        await asyncio.sleep(seconds)
