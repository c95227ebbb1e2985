"""How the API server merges the fields of each kind, read from its own OpenAPI v3 documents.

Source: Kubernetes documentation, "Server-Side Apply", "Merge strategy"; KEP-555; the extensions
x-kubernetes-list-type, -list-map-keys and -map-type. A kind whose schema is not known is compared
by the rules of `apply/diff.py` for that case.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import Kind, managed_kinds
from shop_operator.metrics import SCHEMA_FAILURES

_INDEX: Final = "/openapi/v3"
_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_QUANTITY_PATTERN: Final = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|"
"""How controller-gen writes a quantity in a CRD begins with this."""
_SOON_SECONDS: Final = 2.0
"""The document of a CRD appears a moment after its kind is served."""
_log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class FieldSchema:
    """How one field is merged. Filled while it is read, as schemas may refer to themselves."""

    fields: dict[str, "FieldSchema"] = field(default_factory=dict)
    """The fields of an object; empty for a map with any keys, and for what is no object."""
    values: "FieldSchema | None" = None
    """The values of a map with any keys."""
    items: "FieldSchema | None" = None
    keys: tuple[str, ...] = ()
    """Fields that tell the items of a list apart: x-kubernetes-list-map-keys."""
    is_set: bool = False
    atomic: bool = False
    """True for a map that has one owner, as a whole. A list without keys that is no set is too."""
    quantity: bool = False
    default: Any = None


UNTYPED: Final = FieldSchema()
"""Below a field that allows anything: maps are merged by key, lists are one value."""


class Schemas:
    """The schemas of the kinds that the operator manages, kept current."""

    def __init__(self, client: ApiClient, *, seconds: float) -> None:
        self._client = client
        self._seconds = seconds
        self._hashes: dict[str, str] = {}
        self._known: dict[Kind, FieldSchema] = {}
        self._stale = asyncio.Event()
        self._failing = False
        self.loaded = asyncio.Event()
        """Set once the documents were read, or could not be."""

    def of(self, kind: Kind) -> FieldSchema | None:
        """Return the schema of a kind's objects, or None if it is not known."""
        return self._known.get(kind)

    def refresh_soon(self) -> None:
        """Read again what has changed: a CRD was installed."""
        self._stale.set()

    async def run(self) -> None:
        """Keep the schemas current until cancelled."""
        while True:
            await self._refresh()
            self.loaded.set()
            self._stale.clear()
            try:
                async with asyncio.timeout(self._seconds):
                    await self._stale.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(_SOON_SECONDS)

    async def _refresh(self) -> None:
        try:
            await self.read()
        except (ApiError, LookupError, TypeError, ValueError) as error:
            SCHEMA_FAILURES.inc()
            if not self._failing:
                _log.warning("schemas not read; kinds are compared by rule", error=str(error))
            self._failing = True
        else:
            self._failing = False

    async def read(self) -> None:
        """Read the documents whose hash has changed.

        Raises ApiError, and LookupError, TypeError or ValueError if they are no OpenAPI documents.
        """
        index: Mapping[str, Any] = (await self._client.read(_INDEX))["paths"]
        for group_version, kinds in _by_group_version().items():
            entry = index.get(group_version)
            if entry is None:
                self._hashes.pop(group_version, None)
                for kind in kinds:
                    self._known.pop(kind, None)
                continue
            url = str(entry["serverRelativeURL"])  # it ends with the document's hash
            if self._hashes.get(group_version) == url:
                continue
            self._known |= read_kinds(await self._client.read(url), kinds)
            self._hashes[group_version] = url


def read_kinds(document: Mapping[str, Any], kinds: Iterable[Kind]) -> dict[Kind, FieldSchema]:
    """Return the schemas that an OpenAPI v3 document has of these kinds.

    Raises LookupError, TypeError if it is no such document.
    """
    definitions = document["components"]["schemas"]
    reader, found = _Reader(definitions), {}
    wanted = {(kind.api_version, kind.kind): kind for kind in kinds}
    for name, definition in definitions.items():
        for gvk in definition.get("x-kubernetes-group-version-kind") or ():
            api_version = "/".join(part for part in (gvk["group"], gvk["version"]) if part)
            kind = wanted.get((api_version, gvk["kind"]))
            if kind is not None:
                found[kind] = reader.named(name)
    return found


class _Reader:
    """Turns definitions into schemas, each named one once."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._named: dict[str, FieldSchema] = {}

    def named(self, name: str) -> FieldSchema:
        """Return the schema of a named definition."""
        found = self._named.get(name)
        if found is None:
            found = self._named[name] = FieldSchema(quantity=name == _QUANTITY)
            self._fill(found, self._definitions[name])
        return found

    def read(self, definition: Mapping[str, Any]) -> FieldSchema:
        """Return the schema of a field's definition."""
        reference = _reference(definition)
        if reference is None:
            found = FieldSchema()
            self._fill(found, definition)
            return found
        found = self.named(reference)
        atomic = definition.get("x-kubernetes-map-type") == "atomic"
        default = definition.get("default")
        if (atomic and not found.atomic) or default not in (None, {}):
            return FieldSchema(
                found.fields, found.values, found.items, found.keys, found.is_set,
                atomic or found.atomic, found.quantity, default,
            )  # fmt: skip
        return found

    def _fill(self, found: FieldSchema, definition: Mapping[str, Any]) -> None:
        found.atomic = definition.get("x-kubernetes-map-type") == "atomic"
        found.default = definition.get("default")
        found.is_set = definition.get("x-kubernetes-list-type") == "set"
        if definition.get("x-kubernetes-list-type") == "map":
            found.keys = tuple(definition["x-kubernetes-list-map-keys"])
        if str(definition.get("pattern", "")).startswith(_QUANTITY_PATTERN):
            found.quantity = True
        for name, each in (definition.get("properties") or {}).items():
            found.fields[name] = self.read(each)
        values, items = definition.get("additionalProperties"), definition.get("items")
        if isinstance(values, Mapping):
            found.values = self.read(values)
        if isinstance(items, Mapping):
            found.items = self.read(items)


def _reference(definition: Mapping[str, Any]) -> str | None:
    """Return the name that a definition refers to, alone or beside a default."""
    parts = list(definition.get("allOf") or ())
    reference = definition.get("$ref") or (parts[0].get("$ref") if len(parts) == 1 else None)
    return None if reference is None else str(reference).rpartition("/")[2]


def _by_group_version() -> dict[str, list[Kind]]:
    """Return the kinds by their documents' names in the index, such as `apis/apps/v1`."""
    found: dict[str, list[Kind]] = {}
    for kind in managed_kinds():
        root = "apis" if "/" in kind.api_version else "api"
        found.setdefault(f"{root}/{kind.api_version}", []).append(kind)
    return found
