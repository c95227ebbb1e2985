"""Each promise of the production overlay, broken in the overlay itself, is told."""

import copy
import re
from collections.abc import Callable
from fnmatch import fnmatch
from functools import cache
from typing import Any

import pytest

from manifests import PRODUCTION, ROOT, build
from production_policy import _images, breaches
from shop_cluster.release.publish import NAMES as RELEASED

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


SIGNER = "https://github.com/example/minishop/.github/workflows/release.yaml@refs/tags/v1.2.3"


def test_admission_takes_what_the_release_workflow_signed_of_a_tag_and_nothing_else() -> None:
    [policy] = _of("admission")
    assert policy["spec"]["mode"] == "enforce"
    images = {
        image for part in ("operator", "shop") for each in _of(part) for image in _images(each)
    }
    globs = [each["glob"] for each in policy["spec"]["images"]]
    names = {image.partition("@")[0] for image in images}
    assert len(names) == len(RELEASED)
    assert [name for name in names if not any(fnmatch(name, glob) for glob in globs)] == []
    [authority] = policy["spec"]["authorities"]
    [identity] = authority["keyless"]["identities"]
    assert re.search(identity["subjectRegExp"], SIGNER)
    for other in (
        SIGNER.replace("refs/tags/v1.2.3", "refs/heads/main"),
        SIGNER.replace("release.yaml", "ci.yaml"),
        SIGNER.replace("example/", "another/"),
        f"{SIGNER}/refs/heads/main",
        f"https://evil.example/?{SIGNER}",
    ):
        assert not re.search(identity["subjectRegExp"], other), other
