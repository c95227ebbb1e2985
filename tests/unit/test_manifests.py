import re
from typing import Any

import pytest

from manifests import COMBINED, ROOT, combinations, faults, overlays, schemas

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "spec": {
        "group": "minishop.dev",
        "names": {"kind": "Cup"},
        "versions": [
            {
                "name": "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "size": {"type": "integer", "minimum": 1},
                                    "port": {"x-kubernetes-int-or-string": True},
                                    "note": {"type": "string", "nullable": True},
                                    "more": {
                                        "type": "object",
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}


def cup(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "minishop.dev/v1", "kind": "Cup", "metadata": {"name": "c"}, "spec": spec}


def test_what_a_crd_knows_is_accepted() -> None:
    good = cup(size=1, port="http", note=None, more={"any": "thing"})
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "native"}}
    assert list(faults([good, service], schemas([CRD]))) == []


@pytest.mark.parametrize(
    "bad",
    [
        cup(size=0),
        cup(size="1"),
        cup(colour="red"),
        cup(port=[]),
        cup() | {"data": {}},
        cup() | {"apiVersion": "minishop.dev/v2"},
        {k: v for k, v in cup().items() if k != "spec"},
    ],
)
def test_what_it_does_not_know_is_told(bad: dict[str, Any]) -> None:
    [fault] = faults([bad], schemas([CRD]))
    assert fault.startswith("Cup c: ")


def test_every_place_is_there() -> None:
    places = overlays()
    assert all((ROOT / place).is_dir() for place in places)
    assert {"kustomize/overlays/kind", "kustomize/overlays/production/shop"} <= set(places)


def test_every_component_is_built_with_an_overlay() -> None:
    components = {folder.name for folder in (ROOT / "kustomize" / "components").iterdir()}
    assert components == COMBINED.keys()
    assert {overlay for overlay, _ in combinations()} <= set(overlays())


@pytest.mark.parametrize(
    "configuration",
    [
        "manifests/platform/postgres/postgresql.conf",
        "kustomize/overlays/production/platform/postgres.yaml",
    ],
)
def test_slow_statements_are_logged_without_what_they_are_about(configuration: str) -> None:
    """Names, addresses and codes are parameters."""
    text = (ROOT / configuration).read_text()
    assert "log_min_duration_statement" in text
    assert re.search(r'^ *log_parameter_max_length(?: = |: ")0\b', text, re.MULTILINE)
