"""Every ShopService that is known and can be read, each version parsed once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shop_operator.api.informer import Informer
from shop_operator.spec import InvalidSpecError, Key, ShopService, parse
from shop_operator.stores.prefixes import USERS

_STATUS: Final = ("url", "readyReplicas")
_CONDITION: Final = "RouteReady"


@dataclass(frozen=True, slots=True)
class _Parsed:
    version: int
    service: ShopService | None
    """None for one that can't be read, which its own reconcile reports."""


class ParsedServices:
    """The ShopServices of all namespaces. Of a status only what others depend on is kept."""

    def __init__(self, informers: Mapping[str, Informer]) -> None:
        self.changes = 0
        """Grows with every refresh that finds anything changed, whoever asks for it."""
        self.declarations = 0
        """Grows when a service comes, goes or declares something else; not with a status."""
        self._informers = informers
        self._parsed: dict[str, dict[str, _Parsed]] = {}
        self._seen: dict[str, tuple[Informer, int]] = {}

    def __iter__(self) -> Iterator[ShopService]:
        """Yield every service as it is now."""
        self.refresh()
        for namespace in list(self._parsed):
            yield from self.of(namespace)

    def get(self, key: Key) -> ShopService | None:
        """Return a service as of the last refresh, or None."""
        found = self._parsed.get(key.namespace, {}).get(key.name)
        return None if found is None else found.service

    def of(self, namespace: str) -> list[ShopService]:
        """Return the services of a namespace as of the last refresh."""
        found = self._parsed.get(namespace, {}).values()
        return [each.service for each in found if each.service is not None]

    def namespaces(self) -> list[str]:
        """Return the namespaces as of the last refresh."""
        return list(self._parsed)

    def refresh(self) -> None:
        """Parse what changed since the last refresh."""
        seen = {name: (each, each.revision) for name, each in self._informers.items()}
        if seen == self._seen:
            return
        self.changes += 1
        for namespace in self._parsed.keys() - seen.keys():
            del self._parsed[namespace]
            self.declarations += 1
        for namespace, state in seen.items():
            if self._seen.get(namespace) != state:
                before = self._parsed.get(namespace, {})
                now = self._parsed[namespace] = _parse_changed(state[0], before)
                self.declarations += not _declare_the_same(before, now)
        self._seen = seen


def _parse_changed(informer: Informer, before: Mapping[str, _Parsed]) -> dict[str, _Parsed]:
    found = {}
    for name, version in informer.versions():
        known = before.get(name)
        is_known = known is not None and known.version == version
        found[name] = known if known and is_known else _Parsed(version, _read(informer, name))
    return found


def _declare_the_same(before: Mapping[str, _Parsed], now: Mapping[str, _Parsed]) -> bool:
    return before.keys() == now.keys() and all(
        each is before[name] or _declaration(each) == _declaration(before[name])
        for name, each in now.items()
    )


def _declaration(parsed: _Parsed) -> tuple[object, ...]:
    """Return what is another for another spec, and for a service that is deleted or made anew."""
    service = parsed.service
    return () if service is None else (service.uid, service.generation, service.deleting)


def _read(informer: Informer, name: str) -> ShopService | None:
    body = informer.get(name)
    try:
        return None if body is None else parse(body | {"status": _kept(body.get("status") or {})})
    except InvalidSpecError:
        return None


def _kept(status: Mapping[str, Any]) -> dict[str, Any]:
    conditions = [c for c in status.get("conditions") or () if c["type"] == _CONDITION]
    found = {name: status[name] for name in _STATUS if name in status}
    users = [entry for entry in status.get("external") or () if entry["kind"] in USERS]
    return found | {"conditions": conditions, "external": users}
