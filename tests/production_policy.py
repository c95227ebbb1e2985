"""What the production overlay promises, each a rule over its manifests: part of `make lint`."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Manifest = Mapping[str, Any]
Rule = Callable[[Sequence[Manifest]], Iterator[str]]

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job"})
# One pod each: what they hold is elsewhere too, and they come back (docs/production.md).
ALONE = frozenset({"redis", "rabbitmq"})
# In a value: it names a stand-in, or what only development has; in a service's, also this machine.
STAND_IN = re.compile(r"simulator|mailbox|development", re.IGNORECASE)
DEVELOPMENT = re.compile(
    r"localhost|127\.0\.0\.1|simulator|mailbox|development|minishop\.dev|pm_card_|sk_test",
    re.IGNORECASE,
)
SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN|API_KEY|SERVER_KEY|SIGNING_KEYS)S?$")
LEAST = {"KafkaNodePool": "replicas", "Cluster": "instances", "MongoDBCommunity": "members"}
COPIES = 3


def breaches(objects: Sequence[Manifest]) -> list[str]:
    """Return what breaks a rule, a line each."""
    return [fault for rule in RULES for fault in rule(objects)]


def images_by_digest(objects: Sequence[Manifest]) -> Iterator[str]:
    """A tag may be moved to something else; a digest may not."""
    for found in objects:
        for image in _images(found):
            if not DIGEST.search(image):
                yield f"{_name(found)}: image {image} has no digest"


def enough_copies(objects: Sequence[Manifest]) -> Iterator[str]:
    """The end of one pod, or of one node, is not the end of a service."""
    for found in objects:
        spec = found.get("spec", {})
        if found["kind"] in {"Deployment", "StatefulSet"}:
            alone = found["metadata"]["name"] in ALONE
            if not alone and spec.get("replicas", 1) <= 1:
                yield f"{_name(found)}: one pod"
        elif found["kind"] == "ShopService":
            scaled = spec.get("autoscaling", {"min": spec.get("replicas", 1)})
            if scaled.get("min", 1) <= 1:
                yield f"{_name(found)}: one pod"
        elif found["kind"] in LEAST and spec[LEAST[found["kind"]]] < COPIES:
            yield f"{_name(found)}: fewer than {COPIES} {LEAST[found['kind']]}"


def budgets(objects: Sequence[Manifest]) -> Iterator[str]:
    """A drain takes one pod at a time. For services the operator makes their budgets."""
    selectors = [
        found["spec"]["selector"]["matchLabels"]
        for found in objects
        if found["kind"] == "PodDisruptionBudget"
    ]
    for found in objects:
        if found["kind"] in {"Deployment", "StatefulSet"}:
            labels = found["spec"]["template"]["metadata"]["labels"]
            if not any(each.items() <= labels.items() for each in selectors):
                yield f"{_name(found)}: no PodDisruptionBudget selects its pods"


def bounded(objects: Sequence[Manifest]) -> Iterator[str]:
    """Each container says what it needs, and the most memory that it takes."""
    for found in objects:
        for where, resources in _resources(found):
            missing = [
                f"{kind}.{name}"
                for kind, name in (
                    ("requests", "cpu"),
                    ("requests", "memory"),
                    ("limits", "memory"),
                )
                if name not in resources.get(kind, {})
            ]
            if missing:
                yield f"{_name(found)}: {where} says no {', '.join(missing)}"


def restricted_pods(objects: Sequence[Manifest]) -> Iterator[str]:
    """Pods pass Pod Security's level `restricted`, and write to no root file system."""
    for found in objects:
        for pod in _pods(found):
            outer = pod.get("securityContext", {})
            if not outer.get("runAsNonRoot"):
                yield f"{_name(found)}: may run as root"
            if outer.get("seccompProfile", {}).get("type") != "RuntimeDefault":
                yield f"{_name(found)}: without a seccomp profile"
            for container in _containers(pod):
                inner = container.get("securityContext", {})
                if inner.get("allowPrivilegeEscalation") is not False:
                    yield f"{_name(found)}: {container['name']} may gain privileges"
                if inner.get("capabilities") != {"drop": ["ALL"]}:
                    yield f"{_name(found)}: {container['name']} keeps capabilities"
                if not inner.get("readOnlyRootFilesystem"):
                    yield f"{_name(found)}: {container['name']} may write to its root"


def restricted_namespaces(objects: Sequence[Manifest]) -> Iterator[str]:
    """Nothing less than that is admitted."""
    for found in objects:
        if found["kind"] == "Namespace":
            level = found["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
            if level != "restricted":
                yield f"{_name(found)}: Pod Security enforces {level or 'nothing'}"


def nothing_of_development(objects: Sequence[Manifest]) -> Iterator[str]:
    """No stand-in, no address of this machine, and no secret in the clear."""
    for found in objects:
        if STAND_IN.search(found["metadata"]["name"]):
            yield f"{_name(found)}: belongs to development"
        if found["kind"] == "Secret":
            yield f"{_name(found)}: a Secret in the manifests"
        foreign = DEVELOPMENT if found["kind"] == "ShopService" else STAND_IN
        for name, value in _variables(found):
            if foreign.search(value):
                yield f"{_name(found)}: {name}={value} is of development"
            if SECRET.search(name) and value:
                yield f"{_name(found)}: {name} is a secret, in the clear"
        network = found.get("spec", {}).get("network", {}) if found["kind"] == "ShopService" else {}
        for peer in (*network.get("ingressFrom", ()), *network.get("egressTo", ())):
            if STAND_IN.search(peer):
                yield f"{_name(found)}: knows {peer}"


def durable_events(objects: Sequence[Manifest]) -> Iterator[str]:
    """An event that was acknowledged is on two brokers, of three that have it."""
    for found in objects:
        config = found.get("spec", {}).get("kafka", {}).get("config", {})
        if found["kind"] == "Kafka":
            wanted = {"default.replication.factor": COPIES, "min.insync.replicas": 2}
            wanted |= {"unclean.leader.election.enable": False, "auto.create.topics.enable": False}
            for name, value in wanted.items():
                if config.get(name) != value:
                    yield f"{_name(found)}: {name} is {config.get(name)}, not {value}"
        if (
            found["kind"] == "KafkaConnect"
            and found["spec"]["config"].get("producer.acks") != "all"
        ):
            yield f"{_name(found)}: producer.acks is not all"
        if found["kind"] == "ShopService":
            for topic in found["spec"].get("events", {}).get("publishes", ()):
                if topic.get("replicas", 1) < COPIES:
                    yield f"{_name(found)}: topic {topic['topic']} is on too few brokers"


def encrypted_entry(objects: Sequence[Manifest]) -> Iterator[str]:
    """Services' routes are reached by TLS only."""
    for found in objects:
        if found["kind"] == "Gateway":
            for listener in found["spec"]["listeners"]:
                scope = listener.get("allowedRoutes", {}).get("namespaces", {}).get("from", "Same")
                if listener["protocol"] != "HTTPS" and scope != "Same":
                    yield f"{_name(found)}: {listener['name']} lets routes in without TLS"


RULES: tuple[Rule, ...] = (
    images_by_digest,
    enough_copies,
    budgets,
    bounded,
    restricted_pods,
    restricted_namespaces,
    nothing_of_development,
    durable_events,
    encrypted_entry,
)


def _name(found: Manifest) -> str:
    return f"{found['kind']} {found['metadata']['name']}"


def _pods(found: Manifest) -> Iterator[Manifest]:
    """Yield the spec of a workload's pods."""
    if found["kind"] in WORKLOADS:
        yield found["spec"]["template"]["spec"]
    if found["kind"] == "MongoDBCommunity":
        yield found["spec"]["statefulSet"]["spec"]["template"]["spec"]


def _containers(pod: Manifest) -> Iterable[Manifest]:
    return (*pod.get("initContainers", ()), *pod["containers"])


def _images(found: Manifest) -> Iterator[str]:
    """Yield every image that a manifest names, however its kind calls it."""

    def inside(value: object) -> Iterator[str]:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if key in {"image", "imageName"} and isinstance(inner, str):
                    yield inner
                else:
                    yield from inside(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from inside(inner)

    if found["kind"] != "CustomResourceDefinition":
        yield from inside(found.get("spec", {}))
    if found["kind"] in {"ShopService", "Kafka", "KafkaConnect", "Cluster"}:
        own = found["spec"].get("kafka", found["spec"])
        if not own.get("image") and not own.get("imageName"):
            yield f"of {found['kind']}, which is not named,"


def _resources(found: Manifest) -> Iterator[tuple[str, Manifest]]:
    for pod in _pods(found):
        for container in _containers(pod):
            yield container["name"], container.get("resources", {})
    if found["kind"] in {"KafkaNodePool", "KafkaConnect", "Cluster"}:
        yield "it", found["spec"].get("resources", {})


def _variables(found: Manifest) -> Iterator[tuple[str, str]]:
    for pod in _pods(found):
        for container in _containers(pod):
            for each in container.get("env", ()):
                yield each["name"], each.get("value", "")
    if found["kind"] == "ShopService":
        for each in found["spec"].get("env", ()):
            yield each["name"], each.get("value", "")
