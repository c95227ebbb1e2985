"""What one pod of a gateway said that it serves, compared with what is wanted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ValidationError

_SOONEST_SECONDS: Final = 0.3
_LATEST_SECONDS: Final = 15.0
HASTEN_SECONDS: Final = 1.5
"""A pod is hastened again after that, and then ever more seldom."""
HASTENS_UNHEARD: Final = 2
"""A pod that does not say what it serves is hastened so often after each change of the table."""


class UnreadableReportError(Exception):
    """What answered is not a report of routes."""


class ServedRoute(BaseModel):
    """A service's entry in force at a pod, and those of its pods that are known there."""

    version: str
    addresses: frozenset[str] = frozenset()


class _Answer(BaseModel):
    routes: dict[str, ServedRoute]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be served: each service's entry, and the addresses of its ready pods."""

    versions: Mapping[str, str]
    addresses: Mapping[str, frozenset[str]]


@dataclass(slots=True)
class Report:
    """The last answer of a pod; `routes` is None until there is one, `error` says why."""

    pod: str
    routes: dict[str, ServedRoute] | None = None
    error: str = ""
    hastens: int = 0
    """How often to hasten a pod that does not say what it serves."""
    _hasten_at: float = 0.0
    _awaited: tuple[Mapping[str, str], frozenset[str]] | None = None
    _since: float = 0.0

    def version(self, name: str) -> str | None:
        """Return the version of a service's entry in force; None without one."""
        route = (self.routes or {}).get(name)
        return None if route is None else route.version

    def reaches(self, name: str, addresses: Collection[str]) -> bool:
        """Return True if it knows one of these pods of a service, or there is none to know."""
        route = (self.routes or {}).get(name)
        return not addresses or (route is not None and not route.addresses.isdisjoint(addresses))

    def unreached(self, wanted: Wanted) -> frozenset[str]:
        """Return the services of whose ready pods it knows none."""
        found = wanted.addresses.items()
        return frozenset(name for name, ready in found if not self.reaches(name, ready))

    def serves(self, wanted: Wanted) -> bool:
        """Return True if just the wanted entries are in force, and their pods are known."""
        return self._is_current(wanted) and not self.unreached(wanted)

    def forget_addresses(self, name: str) -> None:
        """Forget that it knew a service's pods."""
        route = (self.routes or {}).get(name)
        if self.routes is not None and route is not None:
            self.routes[name] = ServedRoute(version=route.version)

    def take(self, answer: bytes, asked: Collection[str]) -> None:
        """Store an answer. Of a service that was not asked about, what was known stays known.

        Raises UnreadableReportError.
        """
        before = self.routes or {}
        try:
            routes = _Answer.model_validate_json(answer).routes
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            message = f"its answer is no report of routes: {where}: {problem['msg']}"
            raise UnreadableReportError(message) from error
        for name in before.keys() & routes.keys() - set(asked):
            known = before[name].addresses
            routes[name] = ServedRoute(version=routes[name].version, addresses=known)
        self.routes, self.error = routes, ""

    def wait(self, wanted: Wanted, now: float) -> float | None:
        """Return the seconds after which to look again: the longer it lasts, the more seldom.

        None if it serves what is wanted.
        """
        if self.serves(wanted):
            self._awaited = None
            return None
        awaited = wanted.versions, self.unreached(wanted)
        if self._awaited != awaited:
            self._awaited, self._since = awaited, now
        return min(_LATEST_SECONDS, max(_SOONEST_SECONDS, (now - self._since) / 4))

    def hasten(self, wanted: Wanted, now: float) -> bool:
        """Return True if the pod is to be told now, once more, that there is another table."""
        is_heard = self.routes is not None
        if self._is_current(wanted) or now < self._hasten_at or not (is_heard or self.hastens):
            return False
        self.hastens = max(0, self.hastens - 1)
        self._hasten_at = now + max(HASTEN_SECONDS, now - self._since if is_heard else 0.0)
        return True

    def _is_current(self, wanted: Wanted) -> bool:
        if self.routes is None:
            return False
        return {name: route.version for name, route in self.routes.items()} == wanted.versions
