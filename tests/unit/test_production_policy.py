"""Each promise of the production overlay, broken in the overlay itself, is told."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from manifests import PRODUCTION, ROOT, build
from production_policy import breaches

Manifest = dict[str, Any]
Break = Callable[[Manifest], object]


@cache
def overlay() -> dict[str, Manifest]:
    """Return the overlay's objects, by kind and name."""
    built = [each for part in ("edge", "operator", "platform", "shop") for each in _of(part)]
    return {f"{each['kind']} {each['metadata']['name']}": each for each in built}


def _of(part: str) -> list[Manifest]:
    return build(ROOT / PRODUCTION / part)


def pod(found: Manifest) -> Any:
    return found["spec"]["template"]["spec"]


def first(found: Manifest) -> Any:
    return pod(found)["containers"][0]


def variable(name: str, value: str) -> Break:
    return lambda found: found["spec"].setdefault("env", []).append({"name": name, "value": value})


OPERATOR, ORDER = "Deployment shop-operator", "ShopService order"
BROKEN: list[tuple[str, Break, str]] = [
    (OPERATOR, lambda o: first(o).update(image="minishop/operator:0.1.0"), "has no digest"),
    (ORDER, lambda o: o["spec"].update(image="minishop/order:latest"), "has no digest"),
    ("KafkaConnect minishop", lambda o: o["spec"].pop("image"), "has no digest"),
    ("Cluster minishop-postgres", lambda o: o["spec"].update(imageName="pg:17"), "has no digest"),
    (OPERATOR, lambda o: o["spec"].update(replicas=1), "one pod"),
    (ORDER, lambda o: o["spec"]["autoscaling"].update(min=1), "one pod"),
    (ORDER, lambda o: o["spec"].pop("autoscaling"), "one pod"),
    ("Cluster minishop-postgres", lambda o: o["spec"].update(instances=2), "fewer than 3"),
    ("MongoDBCommunity minishop-mongodb", lambda o: o["spec"].update(members=1), "fewer than 3"),
    ("KafkaNodePool brokers", lambda o: o["spec"].update(replicas=1), "fewer than 3"),
    (
        "PodDisruptionBudget shop-operator",
        lambda o: o["spec"]["selector"].update(matchLabels={"app.kubernetes.io/name": "other"}),
        "no PodDisruptionBudget selects",
    ),
    (OPERATOR, lambda o: first(o)["resources"].pop("limits"), "says no limits.memory"),
    ("StatefulSet redis", lambda o: first(o)["resources"].pop("requests"), "says no requests.cpu"),
    ("KafkaNodePool controllers", lambda o: o["spec"].pop("resources"), "says no requests.cpu"),
    (OPERATOR, lambda o: pod(o)["securityContext"].pop("runAsNonRoot"), "may run as root"),
    (OPERATOR, lambda o: pod(o)["securityContext"].pop("seccompProfile"), "seccomp"),
    (
        "StatefulSet rabbitmq",
        lambda o: first(o)["securityContext"].update(capabilities={"add": ["NET_ADMIN"]}),
        "keeps capabilities",
    ),
    (
        OPERATOR,
        lambda o: first(o)["securityContext"].pop("readOnlyRootFilesystem"),
        "may write to its root",
    ),
    (
        OPERATOR,
        lambda o: first(o)["securityContext"].update(allowPrivilegeEscalation=True),
        "may gain privileges",
    ),
    ("Namespace shop", lambda o: o["metadata"].pop("labels"), "enforces nothing"),
    ("ShopService payment", variable("X_BASE_URL", "http://payment-simulator:8000"), "development"),
    ("ShopService payment", variable("STRIPE_API_KEY", "rk_live_x"), "in the clear"),
    ("ShopService storefront", variable("API_URL", "http://127.0.0.1"), "development"),
    (
        "ShopService notification",
        lambda o: o["spec"]["network"].update(egressTo=["mailbox"]),
        "knows mailbox",
    ),
    (ORDER, lambda o: o["metadata"].update(name="mailbox"), "belongs to development"),
    (ORDER, lambda o: o.update(kind="Secret"), "a Secret in the manifests"),
    (
        "Kafka minishop",
        lambda o: o["spec"]["kafka"]["config"].update({"min.insync.replicas": 1}),
        "min.insync.replicas is 1",
    ),
    (
        "KafkaConnect minishop",
        lambda o: o["spec"]["config"].update({"producer.acks": "1"}),
        "producer.acks",
    ),
    (
        ORDER,
        lambda o: o["spec"]["events"]["publishes"][0].update(replicas=1),
        "on too few brokers",
    ),
    (
        "Gateway kong",
        lambda o: o["spec"]["listeners"][1]["allowedRoutes"]["namespaces"].update({"from": "All"}),
        "without TLS",
    ),
]


def test_the_overlay_keeps_every_promise() -> None:
    assert breaches(list(overlay().values())) == []


@pytest.mark.parametrize(("name", "broken", "told"), BROKEN)
def test_what_breaks_one_is_told(name: str, broken: Break, told: str) -> None:
    objects = copy.deepcopy(overlay())
    broken(objects[name])
    found = breaches(list(objects.values()))
    assert found
    assert any(told in each for each in found), found
