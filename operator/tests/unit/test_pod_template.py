"""`spec.template` adds to the pods and never weakens them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shop_operator.children.access_secret import Access
from shop_operator.metadata import Manifest
from shop_operator.render import render
from shop_operator.settings import Settings
from shop_operator.spec import parse

from .specs import NAMES, TEXT, service, specs

ACCESS = Access("owner", "capture", None, None)
SAFE: Manifest = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def unique(elements: Any) -> Any:
    return st.lists(elements, max_size=3, unique_by=lambda item: item["name"])


def maybe(**fields: Any) -> Any:
    return st.fixed_dictionaries({}, optional=fields)


SETTINGS = maybe(runAsUser=st.integers(1, 9), readOnlyRootFilesystem=st.booleans())
NAMED: Any = st.fixed_dictionaries({"name": NAMES})
SIDECAR: Any = st.fixed_dictionaries(
    {"name": NAMES, "image": st.just("side:1")},
    optional={"env": unique(NAMED), "securityContext": SETTINGS},
)

TEMPLATES = st.fixed_dictionaries(
    {
        "metadata": maybe(labels=st.dictionaries(NAMES, TEXT, max_size=3)),
        "spec": maybe(
            containers=unique(SIDECAR),
            initContainers=unique(SIDECAR),
            imagePullSecrets=unique(NAMED),
            nodeSelector=st.dictionaries(NAMES, TEXT, max_size=2),
            volumes=unique(NAMED.map(lambda item: {**item, "emptyDir": {}})),
        ),
    }
)


def pods(spec: dict[str, Any]) -> Manifest:
    children = render(parse(service("made", spec)), Settings(), ACCESS)
    found: Manifest = next(c for c in children if c["kind"] == "Deployment")["spec"]["template"]
    return found


@given(spec=specs(), template=TEMPLATES)
def test_whatever_is_added_the_operators_own_stays(
    spec: dict[str, Any], template: dict[str, Any]
) -> None:
    plain, added = pods(spec), pods({**spec, "template": template})
    assert plain["metadata"]["labels"].items() <= added["metadata"]["labels"].items()
    for place in ("containers", "initContainers"):
        own = plain["spec"].get(place, [])
        found = added["spec"].get(place, [])
        assert [each for each in found if each in own] == own
        extra = template["spec"].get(place, [])
        assert {each["name"] for each in extra} == {e["name"] for e in found if e not in own}
        assert all(each["securityContext"].items() >= SAFE.items() for each in found)
    kept = {"securityContext", "serviceAccountName", "automountServiceAccountToken"}
    assert {name: added["spec"][name] for name in kept} == {
        name: plain["spec"][name] for name in kept
    }


def test_a_values_source_replaces_the_value() -> None:
    source = {"configMapKeyRef": {"name": "a", "key": "b"}}
    added = {"name": "service", "env": [{"name": "LEVEL", "valueFrom": source}]}
    spec = {"image": "a:1", "env": [{"name": "LEVEL", "value": "info"}]}
    found = pods({**spec, "template": {"spec": {"containers": [added]}}})
    [level] = [e for e in found["spec"]["containers"][0]["env"] if e["name"] == "LEVEL"]
    assert level == {"name": "LEVEL", "valueFrom": source}


def test_a_value_replaces_the_operators_own_source() -> None:
    spec = {"image": "a:1", "cache": {"kind": "redis"}, "secrets": {"provider": "vault"}}
    [made] = [e for e in pods(spec)["spec"]["containers"][0]["env"] if e["name"] == "REDIS_URL"]
    assert "valueFrom" in made
    added = {"name": "service", "env": [{"name": "REDIS_URL", "value": "redis://elsewhere"}]}
    found = pods({**spec, "template": {"spec": {"containers": [added]}}})
    [url] = [e for e in found["spec"]["containers"][0]["env"] if e["name"] == "REDIS_URL"]
    assert url == {"name": "REDIS_URL", "value": "redis://elsewhere"}


def test_a_handler_replaces_one_of_another_kind() -> None:
    """Kubernetes takes one alone, and a hook or probe of one's own could not be declared."""
    added = {
        "name": "service",
        "lifecycle": {"preStop": {"exec": {"command": ["drain"]}}},
        "livenessProbe": {"tcpSocket": {"port": "http"}},
        "readinessProbe": {"httpGet": {"path": "/ready"}, "periodSeconds": 1},
    }
    [plain] = pods({"image": "a:1"})["spec"]["containers"]
    [found] = pods({"image": "a:1", "template": {"spec": {"containers": [added]}}})["spec"][
        "containers"
    ]
    assert found["lifecycle"] == added["lifecycle"]
    alive = {name: value for name, value in plain["livenessProbe"].items() if name != "httpGet"}
    assert found["livenessProbe"] == alive | {"tcpSocket": {"port": "http"}}
    port = plain["readinessProbe"]["httpGet"]["port"]
    assert found["readinessProbe"]["httpGet"] == {"path": "/ready", "port": port}
