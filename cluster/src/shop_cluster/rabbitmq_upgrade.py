"""Carries over what RabbitMQ 3 knows, while it still runs, before RabbitMQ 4 takes its place.

RabbitMQ 4 can't read the data of a version before 3.13. Users, virtual hosts, queues and bindings
are exported to the volume, where the new one's first start loads them. Messages are not: those of
the notification service are in its table, and where others wait, the upgrade is refused.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from shop_cluster.errors import ClusterError
from shop_cluster.kubernetes_api import Resource
from shop_cluster.shell import run

_POD = ("rabbitmq-0", "--namespace=platform")
_FILE = "/var/lib/rabbitmq/definitions.json"
_REFILLED = "notification."
"""Queues of this prefix the notification service fills again from PostgreSQL (ADR 0051)."""
_SECONDS = 120
_READS_DATA_OF = 4
"""The major version from which on a newer RabbitMQ reads the data itself."""


def prepare(
    kubectl: Sequence[str], manifests: Sequence[Resource], report: Callable[[str], None]
) -> None:
    """Export RabbitMQ's definitions when these manifests replace a version before 4.

    Raises:
        ClusterError: the old one doesn't answer, or a queue holds messages that nobody else has.

    """
    wanted = _statefulset(manifests)
    if wanted is None:
        return
    names = ("statefulsets", "--namespace=platform", "--ignore-not-found", "-o=json")
    listed = run(*kubectl, "get", *names)
    live = _statefulset(json.loads(listed)["items"] if listed else [])
    if live is None or _image(live) == _image(wanted):
        return
    _wait_until_it_answers(kubectl)
    version = _ask(kubectl, "rabbitmqctl", "version").strip()
    if int(version.partition(".")[0]) >= _READS_DATA_OF:
        return
    report(f"rabbitmq {version} makes way for version 4")
    definitions = json.loads(_ask(kubectl, "rabbitmqctl", "--quiet", "export_definitions", "-"))
    hosts = [host["name"] for host in definitions["vhosts"]]
    if held := [line for host in hosts for line in _held(kubectl, host)]:
        raise ClusterError(
            f"RabbitMQ 4 can't read the messages of {version}, and these queues hold some:"
            f" {', '.join(held)}. Let their services read them, or purge them"
            " (`rabbitmqctl purge_queue`), and do this again; see docs/upgrading.md"
        )
    script = f"umask 077 && cat > {_FILE}.new && mv {_FILE}.new {_FILE}"
    text = json.dumps(importable(definitions))
    run(*kubectl, "exec", "-i", *_POD, "--", "sh", "-c", script, stdin=text)


def importable(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return definitions without the mirroring of classic queues, which RabbitMQ 4 refuses.

    A policy that does nothing else is left out.
    """
    kept = []
    for policy in definitions.get("policies", []):
        rules = {k: v for k, v in policy["definition"].items() if not k.startswith("ha-")}
        if rules:
            kept.append({**policy, "definition": rules})
    return {**definitions, "policies": kept}


def waiting(listed: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int]]:
    """Yield the queues, by `rabbitmqctl list_queues`, whose messages nobody else has."""
    for queue in listed:
        if queue["messages"] and not queue["name"].startswith(_REFILLED):
            yield queue["name"], queue["messages"]


def _held(kubectl: Sequence[str], host: str) -> Iterator[str]:
    options = ("--quiet", "--formatter=json", f"--vhost={host}")
    listed = json.loads(_ask(kubectl, "rabbitmqctl", *options, "list_queues", "name", "messages"))
    for name, messages in waiting(listed):
        yield f"{name} ({messages}, virtual host {host})"


def _wait_until_it_answers(kubectl: Sequence[str]) -> None:
    """Wait for a RabbitMQ that has just begun to start, as after a reboot."""
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            _ask(kubectl, "rabbitmqctl", "--quiet", "await_startup", "--timeout=30")
        except ClusterError as error:
            if time.monotonic() > deadline:
                raise ClusterError(
                    "the RabbitMQ that is to make way for version 4 doesn't answer, so what it has"
                    f" can't be carried over ({error}). Mend it, or give its users, virtual hosts"
                    " and queues up: `kubectl delete statefulset rabbitmq -n platform`"
                ) from error
            time.sleep(1)
        else:
            return


def _ask(kubectl: Sequence[str], *words: str) -> str:
    return run(*kubectl, "exec", *_POD, "--container=rabbitmq", "--", *words)


def _statefulset(resources: Sequence[Resource]) -> Resource | None:
    names = ((each["kind"], each["metadata"]["name"]) for each in resources)
    found = dict(zip(names, resources, strict=True))
    return found.get(("StatefulSet", "rabbitmq"))


def _image(statefulset: Resource) -> str:
    image: str = statefulset["spec"]["template"]["spec"]["containers"][0]["image"]
    return image
