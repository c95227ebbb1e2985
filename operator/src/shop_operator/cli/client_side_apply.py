"""What `kubectl apply` would send for an object: a three-way merge with what was applied last.

Source: Kubernetes documentation, "Declarative Management of Kubernetes Objects Using
Configuration Files", "How apply calculates differences and merges changes". Custom resources
are merged by JSON merge patch (RFC 7386), so lists are replaced whole.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from shop_operator.metadata import Manifest

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_KUBECTL: Final = "kubectl"


def is_applied_by_the_server(live: Mapping[str, Any]) -> bool:
    """Return True if kubectl applied the object with `--server-side`, so it will do so again."""
    if LAST_APPLIED in (live["metadata"].get("annotations") or {}):
        return False
    managers = live["metadata"].get("managedFields") or ()
    return any(m["manager"] == _KUBECTL and m["operation"] == "Apply" for m in managers)


def apply_patch(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Manifest:
    """Return the merge patch that turns the live object into what kubectl would make of it."""
    last = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    original = json.loads(last) if last else {}
    return _merged(_removals(original, wanted), _changes(live, wanted))


def _changes(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> Manifest:
    """Return the wanted fields that live does not have so."""
    found: Manifest = {}
    for name, value in wanted.items():
        old = live.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            inner = _changes(old, value)
            if inner:
                found[name] = inner
        elif value != old:
            found[name] = value
    return found


def _removals(original: Mapping[str, Any], wanted: Mapping[str, Any]) -> Manifest:
    """Return a null for each field that was applied and is wanted no more."""
    found: Manifest = {}
    for name, value in original.items():
        if name not in wanted:
            found[name] = None
        elif isinstance(value, Mapping) and isinstance(wanted[name], Mapping):
            inner = _removals(value, wanted[name])
            if inner:
                found[name] = inner
    return found


def _merged(one: Manifest, other: Mapping[str, Any]) -> Manifest:
    found = dict(one)
    for name, value in other.items():
        old = found.get(name)
        if isinstance(old, dict) and isinstance(value, Mapping):
            found[name] = _merged(old, value)
        else:
            found[name] = value
    return found
