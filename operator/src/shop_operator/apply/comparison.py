"""Compares a child with the live object: what differs, and what others set beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import Kind, kind_of
from shop_operator.api.schemas import FieldSchema
from shop_operator.apply.diff import differences
from shop_operator.apply.foreign import ForeignField, foreign_fields, shared_wholes, value_at
from shop_operator.metadata import APPLIED_ANNOTATION, Manifest

_REMEMBERED: Final = 2000


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs between a child and the live object."""

    fields: list[str] = field(default_factory=list)
    """Desired fields that the live object lacks or has with another value."""
    foreign: list[ForeignField] = field(default_factory=list)
    """What others set where the spec decides that it is not."""
    reported: list[str] = field(default_factory=list)
    """What others set and is left, as phrases."""

    @property
    def paths(self) -> list[str]:
        """All that is to be put right."""
        return [*self.fields, *(each.path for each in self.foreign)]


class Comparison:
    """Compares by the API's schema. Asks the API server only where another owns a whole."""

    def __init__(self, client: ApiClient, schema: Callable[[Kind], FieldSchema | None]) -> None:
        self._client = client
        self._schema = schema
        self._asked: dict[tuple[str, str, str], list[str]] = {}

    async def compare(self, manifest: Manifest, live: Manifest) -> Differences:
        """Return what differs. Raises ApiError."""
        schema = self._schema(kind_of(manifest))
        fields = differences(manifest, live, schema)
        if "managedFields" not in live["metadata"]:
            return Differences(fields)
        if not fields:
            fields = await self._inside_wholes(manifest, live, schema)
        foreign = foreign_fields(manifest, live, schema)
        return Differences(
            fields,
            [each for each in foreign if each.decided],
            [
                f"{manifest['kind']} {manifest['metadata']['name']}: {each.path}, set by "
                f"{each.manager}"
                for each in foreign
                if not each.decided
            ],
        )

    async def _inside_wholes(
        self, manifest: Manifest, live: Manifest, schema: FieldSchema | None
    ) -> list[str]:
        """Return the maps and lists with one owner that another has changed inside.

        Their defaults are the API server's, so it is asked by a dry run, once for each version.
        """
        suspects = shared_wholes(manifest, live, schema)
        if not suspects:
            return []
        metadata = live["metadata"]
        version = (
            metadata["uid"],
            metadata["resourceVersion"],
            manifest["metadata"].get("annotations", {}).get(APPLIED_ANNOTATION, ""),
        )
        found = self._asked.get(version)
        if found is None:
            would_be = await self._client.apply(manifest, dry_run=True)
            found = [
                path
                for path, pointer in suspects
                if value_at(would_be, pointer) != value_at(live, pointer)
            ]
            if len(self._asked) >= _REMEMBERED:
                del self._asked[next(iter(self._asked))]
            self._asked[version] = found
        return found
