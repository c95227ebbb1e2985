"""Strategies for specs that the API server would accept."""

from typing import Any

from hypothesis import strategies as st

from shop_operator.metadata import API_VERSION

NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
TOPICS = st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){0,2}", fullmatch=True)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
PATHS = st.from_regex(r"/[a-z0-9/]{0,20}", fullmatch=True)
QUANTITIES = st.one_of(
    st.integers(1, 4096).map(lambda n: f"{n}Mi"),
    st.integers(1, 4000).map(lambda n: f"{n}m"),
    st.sampled_from(["1", "0.5", "1000m", "1024Mi", "2Gi", "1.5Gi"]),
)


def _unique(elements: st.SearchStrategy[Any], key: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(elements, max_size=4, unique_by=lambda item: item[key])


ENV = st.fixed_dictionaries(
    {"name": st.from_regex(r"[A-Z_][A-Z0-9_]{0,10}", fullmatch=True)}, optional={"value": TEXT}
)
TOPIC = st.fixed_dictionaries(
    {"topic": TOPICS},
    optional={
        "partitions": st.integers(1, 50),
        "replicas": st.integers(1, 3),
        "config": st.just({"retention.ms": "1000"}),
        "onDelete": st.sampled_from(["Retain", "Drop"]),
    },
)
SUBSCRIPTION = st.fixed_dictionaries({"topic": TOPICS, "group": NAMES})
# Kubernetes keeps integers of JSON in 64 bits.
INTEGERS = st.integers(-(2**63), 2**63 - 1)
PLUGIN = st.fixed_dictionaries(
    {"name": NAMES},
    optional={"config": st.dictionaries(NAMES, st.one_of(TEXT, INTEGERS, st.booleans()))},
)

ALERT = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[A-Z][A-Za-z0-9]{0,10}", fullmatch=True),
        "expr": st.sampled_from(["up == 0", "increase(a_total[10m]) > 0"]),
        "summary": TEXT.filter(bool),
    },
    optional={
        "for": st.sampled_from(["0s", "10m", "1h"]),
        "severity": st.sampled_from(["page", "ticket"]),
    },
)


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a spec."""
    spec: dict[str, Any] = {"image": draw(st.from_regex(r"[a-z]{1,9}:[0-9.]{1,5}", fullmatch=True))}

    def sometimes(name: str, strategy: st.SearchStrategy[Any]) -> None:
        if draw(st.booleans()):
            spec[name] = draw(strategy)

    sometimes("port", st.integers(1, 65535))
    lowest = draw(st.integers(1, 9))
    if draw(st.booleans()):
        spec["autoscaling"] = {"min": lowest, "max": draw(st.integers(lowest, 20))}
    else:
        sometimes("replicas", st.integers(0, 20))
    sometimes("env", _unique(ENV, "name"))
    amounts = st.dictionaries(st.sampled_from(["cpu", "memory"]), QUANTITIES)
    sometimes("resources", st.fixed_dictionaries({"requests": amounts}))
    kind = draw(st.sampled_from([None, "postgres", "mongodb"]))
    if kind is not None:
        name = draw(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True))
        spec["database"] = {"kind": kind, "name": name, "migrate": draw(st.booleans())}
    sometimes("cache", st.just({"kind": "redis"}))
    sometimes("queue", st.just({"kind": "rabbitmq"}))
    events: dict[str, Any] = {
        "publishes": draw(_unique(TOPIC, "topic")),
        "subscribes": draw(_unique(SUBSCRIPTION, "topic")),
    }
    if kind is not None and draw(st.booleans()):
        events["outbox"] = {}
    spec["events"] = events
    if "autoscaling" in spec and events["subscribes"] and draw(st.booleans()):
        spec["autoscaling"] |= {"min": draw(st.integers(0, lowest)), "lag": {"perPod": 10}}
    if draw(st.booleans()):
        via = draw(st.sampled_from(["edge", "gateway"]))
        paths = draw(st.lists(PATHS, min_size=1, max_size=3, unique=True))
        spec["route"] = {"paths": paths, "via": via}
        if via == "edge":
            spec["route"]["plugins"] = draw(_unique(PLUGIN, "name"))
    sometimes("routeTable", st.just({}))
    sometimes("slo", st.fixed_dictionaries({"availability": st.sampled_from(["99.9", "95"])}))
    sometimes("alerts", _unique(ALERT, "name"))
    budget = st.one_of(st.integers(0, 5), st.sampled_from(["50%", "2"]))
    sometimes("disruptionBudget", st.fixed_dictionaries({"maxUnavailable": budget}))
    names = st.lists(NAMES, max_size=3, unique=True)
    sometimes("network", st.fixed_dictionaries({"ingressFrom": names, "egressTo": names}))
    return spec


def service(name: str, spec: dict[str, Any], *, namespace: str = "shop") -> dict[str, Any]:
    """Return a ShopService as the API server would."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ShopService",
        "metadata": {"name": name, "namespace": namespace, "uid": "u-1", "generation": 1},
        "spec": spec,
    }
