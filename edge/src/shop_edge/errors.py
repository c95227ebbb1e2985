"""What is wrong with a declarative configuration, in the words of Kong's Admin API.

Source: Kong Gateway, "DB-less mode", `POST /config?flatten_errors=1`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_SCHEMA_VIOLATION: Final = 14
"""Kong's own number of "declarative config is invalid"."""


@dataclass(frozen=True, kw_only=True)
class EntityError:
    """What is wrong with a field of an entity, such as a plugin or a route."""

    type: str
    name: str
    tags: Sequence[str]
    field: str
    message: str


class InvalidConfigError(Exception):
    """A configuration that is refused whole; the one before stays in force."""

    def __init__(self, errors: Sequence[EntityError], *, reason: str = "") -> None:
        self.errors = tuple(errors)
        said = "; ".join(f"{each.type} {each.name}: {each.message}" for each in errors)
        super().__init__(f"declarative config is invalid: {reason or said}")

    def body(self) -> dict[str, Any]:
        """Return Kong's answer, with an entry for each entity."""
        entities: dict[tuple[str, str], dict[str, Any]] = {}
        for each in self.errors:
            found = entities.setdefault(
                (each.type, each.name),
                {
                    "entity_type": each.type,
                    "entity_name": each.name,
                    "entity_tags": list(each.tags),
                    "errors": [],
                },
            )
            found["errors"].append({"type": "field", "field": each.field, "message": each.message})
        return {
            "code": _SCHEMA_VIOLATION,
            "name": "invalid declarative configuration",
            "message": str(self),
            "fields": {},
            "flattened_errors": list(entities.values()),
        }
