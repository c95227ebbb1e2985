"""Things outside the service's namespace, as declared state.

The set is rendered from the spec (`stores/declared.py`), recorded in `status.external` before
anything is made, read live with its owner's mark, and changed from the difference. A thing is
altered or released only if it is recorded and carries the mark of this ShopService.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shop_operator.spec import Deletion

if TYPE_CHECKING:
    from shop_operator.stores.sessions import Sessions

Identity = tuple[str, str, str]
"""Store, kind and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An entry of `status.external`."""

    store: str
    """postgres, mongodb, redis, rabbitmq, vault or kafka."""
    kind: str
    name: str
    database: str = ""
    """The database that the thing is part of; empty in Kafka."""
    on_delete: Deletion = "Drop"
    """What becomes of it when it is no longer declared."""

    @property
    def identity(self) -> Identity:
        """Store, kind and name."""
        return self.store, self.kind, self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {STORE_NAMES.get(self.store, self.store)}"

    def status(self) -> dict[str, str]:
        """Return the entry as it stands in the status."""
        found = {
            "store": self.store,
            "kind": self.kind,
            "name": self.name,
            "onDelete": self.on_delete,
        }
        return found | ({"database": self.database} if self.database else {})


STORE_NAMES = {
    "postgres": "PostgreSQL",
    "mongodb": "MongoDB",
    "redis": "Redis",
    "rabbitmq": "RabbitMQ",
    "vault": "Vault",
    "kafka": "Kafka's namespace",
}


def record_of(entry: Mapping[str, Any]) -> Record:
    """Return the record of an entry of `status.external`."""
    return Record(
        store=entry["store"],
        kind=entry["kind"],
        name=entry["name"],
        database=entry.get("database", ""),
        on_delete=entry.get("onDelete", "Retain"),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that exists."""

    owner: str
    """The ShopService in its mark, as namespace/name; empty if nobody marked it."""
    hand_over: str = ""
    """How to hand it over to this ShopService without losing data."""
    as_declared: bool = True
    read_whole: bool = False
    """Whether all was read that `ensure` would look for: as declared, it need not be called."""


class External(Protocol):
    """One thing outside the service's namespace. Every method raises StoreError."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        ...

    async def read(self, sessions: "Sessions") -> Found | None:
        """Return the live thing with its owner, or None."""
        ...

    async def ensure(self, sessions: "Sessions") -> None:
        """Make it, or alter what differs. Called only if it is absent or ours."""
        ...

    async def release(self, sessions: "Sessions") -> bool:
        """Drop it, or let go of it if it is declared Retain. Called only if it is ours.

        Returns True once it is gone or let go of.
        """
        ...
