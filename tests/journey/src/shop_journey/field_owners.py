"""Who owns which fields of an object, as the API server keeps it in `metadata.managedFields`."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from shop_journey.kubectl import MANAGER, Kubectl
from shop_journey.steps import StepFailedError

_TRIES = 10
_CONFLICT = "the object has been modified"
_FLUX = "kustomize-controller"


async def patch_metadata(
    kubectl: Kubectl,
    *named: str,
    wanted: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> None:
    """Patch an object's metadata by what `wanted` makes of them, while others write to it.

    ``named`` is the object as kubectl takes it: kind, name and `--namespace=…`.

    Raises:
        StepFailedError: kubectl cannot, or others changed it each time meanwhile.

    """
    for _ in range(_TRIES):
        metadata = (await kubectl.get(*named, "--show-managed-fields"))["metadata"]
        # Of another version nothing may be replaced.
        changes = {"resourceVersion": metadata["resourceVersion"], **wanted(metadata)}
        patch = json.dumps({"metadata": changes})
        try:
            await kubectl("patch", *named, "--type=merge", "--patch-file=/dev/stdin", stdin=patch)
        except StepFailedError as error:
            if _CONFLICT not in str(error):
                raise
        else:
            return
    raise StepFailedError(f"{' '.join(named)} was changed by others {_TRIES} times meanwhile")


def without_flux(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata by which what Flux applied is `make up`'s.

    Then a field that the next manifests have no longer goes, as it would if Flux had never been.
    """
    entries: list[Mapping[str, Any]] = []
    for each in metadata["managedFields"]:
        entry = {**each, "manager": MANAGER} if _is_flux(each) else each
        twin = next((other for other in entries if _owner(other) == _owner(entry)), None)
        if twin is not None:
            entries.remove(twin)
            entry = {**entry, "fieldsV1": _union(twin["fieldsV1"], entry["fieldsV1"])}
        entries.append(entry)
    return {"managedFields": entries}


def _is_flux(entry: Mapping[str, Any]) -> bool:
    return bool(entry["manager"] == _FLUX and entry["operation"] == "Apply")


def _owner(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what no two entries of an object have alike."""
    return (
        entry["manager"],
        entry["operation"],
        entry["apiVersion"],
        entry.get("subresource", ""),
    )


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of both (structured-merge-diff's sets: every field a mapping)."""
    common = {name: _union(one[name], other[name]) for name in one.keys() & other.keys()}
    return {**one, **other, **common}
