"""`render` is pure, deterministic and says whose each child is, for any spec."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shop_operator.api.kinds import kind_of
from shop_operator.apply.children import identity, with_applied_hash
from shop_operator.apply.diff import differences
from shop_operator.children.access_secret import Access, Login
from shop_operator.metadata import key_of
from shop_operator.render import render
from shop_operator.settings import Settings
from shop_operator.spec import Key, parse
from shop_operator.stores.declared import declared

from .specs import NAMES, service, specs

LOGIN = Login("user", "pass")
ACCESS = Access("owner", "capture", LOGIN, LOGIN)
EDGES = st.sampled_from(["none", "gateway-api", "ingress"])


@given(name=NAMES, spec=specs(), edge=EDGES)
def test_the_same_spec_gives_the_same_children(name: str, spec: dict[str, Any], edge: str) -> None:
    platform = Settings.model_validate({"edge": edge})
    body = service(name, spec)
    before = copy.deepcopy(body)
    first = render(parse(body), platform, ACCESS)
    assert body == before
    assert render(parse(body), platform, ACCESS) == first


@given(name=NAMES, spec=specs(), edge=EDGES)
def test_each_child_is_known_unique_and_ours(name: str, spec: dict[str, Any], edge: str) -> None:
    platform = Settings.model_validate({"edge": edge})
    children = render(parse(service(name, spec)), platform, ACCESS)
    assert len({identity(child) for child in children}) == len(children)
    for child in children:
        assert kind_of(child)
        assert key_of(child) == Key("shop", name)
        owners = child["metadata"].get("ownerReferences", [])
        in_own_namespace = child["metadata"]["namespace"] == "shop"
        assert [owner["uid"] for owner in owners] == (["u-1"] if in_own_namespace else [])


@given(name=NAMES, spec=specs(), edge=EDGES)
def test_no_pods_of_every_namespace_are_peers(name: str, spec: dict[str, Any], edge: str) -> None:
    platform = Settings.model_validate({"edge": edge})
    for child in render(parse(service(name, spec)), platform, ACCESS):
        if child["kind"] == "NetworkPolicy":
            rules = [*child["spec"]["ingress"], *child["spec"]["egress"]]
            peers = [peer for rule in rules for peer in rule.get("from") or rule.get("to") or ()]
            assert [peer for peer in peers if peer.get("namespaceSelector") == {}] == []


def test_requests_are_let_in_at_the_port_that_each_pod_has() -> None:
    """A changed port is another one in new pods only; a policy is of old and new ones alike."""
    for edge, route in (("none", {"paths": ["/a"]}), ("gateway-api", {"paths": ["/a"]})):
        spec = {"image": "a:1", "network": {"ingressFrom": ["b"]}, "route": route}
        first, second = (
            [
                child["spec"]
                for child in render(
                    parse(service("a", {**spec, "port": port})),
                    Settings.model_validate({"edge": edge}),
                    ACCESS,
                )
                if child["kind"] == "NetworkPolicy"
            ]
            for port in (8000, 9000)
        )
        assert first == second


@given(name=NAMES, spec=specs())
def test_a_child_does_not_differ_from_itself(name: str, spec: dict[str, Any]) -> None:
    for child in map(with_applied_hash, render(parse(service(name, spec)), Settings(), ACCESS)):
        assert differences(child, copy.deepcopy(child)) == []


def test_nothing_with_a_password_is_rendered_without_it() -> None:
    database = {"kind": "postgres", "name": "a"}
    spec = {"image": "a:1", "database": database, "events": {"outbox": {}}}
    children = render(parse(service("a", spec)), Settings(), Access())
    assert not [c for c in children if c["kind"] in {"Secret", "KafkaConnector"}]


def test_no_password_is_in_anything_but_a_secret() -> None:
    canary = Login("user", "canary-7f3a")
    access = Access("canary-7f3a", "canary-7f3a", canary, canary)
    spec = {
        "image": "a:1",
        "database": {"kind": "postgres", "name": "a"},
        "cache": {"kind": "redis"},
        "queue": {"kind": "rabbitmq"},
        "events": {"outbox": {}},
    }
    children = render(parse(service("a", spec)), Settings(), access)
    assert [child["kind"] for child in children].count("Secret") == 2
    assert "canary" not in str([child for child in children if child["kind"] != "Secret"])
    assert "canary" not in repr(access)


def test_what_is_outside_is_declared_once_where_a_service_publishes_its_dead_letters() -> None:
    dead = {"topic": "a.events.b.dlt", "partitions": 6, "onDelete": "Drop"}
    heartbeat = {"topic": "b-outbox.heartbeat"}
    spec = {
        "image": "a:1",
        "database": {"kind": "postgres", "name": "b"},
        "events": {
            "publishes": [dead, heartbeat],
            "subscribes": [{"topic": "a.events", "group": "b"}],
            "outbox": {},
        },
    }
    found = parse(service("b", spec))
    externals = [external.record.identity for external in declared(found, Settings(), ACCESS)]
    assert len(set(externals)) == len(externals)
    topics = [child for child in render(found, Settings(), ACCESS) if child["kind"] == "KafkaTopic"]
    specs = {child["metadata"]["name"]: child["spec"] for child in topics}
    assert len(specs) == len(topics)
    assert specs["a.events.b.dlt"] == {
        "topicName": "a.events.b.dlt",
        "partitions": 6,
        "replicas": 1,
        "config": {"retention.ms": "-1"},
    }
    assert specs["b-outbox.heartbeat"]["topicName"] == "b-outbox.heartbeat"
