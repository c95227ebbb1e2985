"""A database with its logins, and the error that a store raises."""

from dataclasses import dataclass, field


class StoreError(Exception):
    """A store is unreachable or not as declared: a CamelCase reason, and what a person can do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class DatabaseAccount:
    """A database and the passwords of its owner and, when its outbox is read, of Debezium."""

    database: str
    belongs_to: str
    """The ShopService, as namespace/name; written on the role, so that no other takes it over."""
    owner: str = field(repr=False)
    capture: str | None = field(default=None, repr=False)
    outbox: str | None = None
