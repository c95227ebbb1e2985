"""What a store's upgrade says of itself, and what is carried over from an older RabbitMQ."""

from typing import Any

import pytest

from shop_cluster.rabbitmq_upgrade import importable, waiting
from shop_cluster.store_upgrades import state_of

BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}


def ended(code: int) -> dict[str, Any]:
    return {"terminated": {"exitCode": code}}


@pytest.mark.parametrize(
    ("state", "last", "expected"),
    [
        ({"running": {}}, {}, "running"),
        ({"running": {}}, ended(1), "running"),
        (ended(0), {}, "done"),
        (ended(1), {}, "failed"),
        (BACK_OFF, ended(1), "failed"),
        ({"waiting": {"reason": "PodInitializing"}}, {}, "waiting"),
    ],
)
def test_state(state: dict[str, Any], last: dict[str, Any], expected: str) -> None:
    status = {"name": "upgrade", "state": state, "lastState": last}
    assert state_of({"status": {"initContainerStatuses": [status]}}) == expected


def test_a_pod_without_an_upgrade() -> None:
    other = {"name": "other", "state": {"running": {}}}
    assert state_of({}) == "none"
    assert state_of({"status": {"initContainerStatuses": [other]}}) == "none"


def test_only_mirroring_is_left_behind() -> None:
    mirrored = {"name": "both", "definition": {"ha-mode": "all", "message-ttl": 5}}
    only = {"name": "only", "definition": {"ha-mode": "all", "ha-sync-mode": "automatic"}}
    other = {"name": "other", "definition": {"max-length": 3}}
    definitions = {"queues": [{"name": "q"}], "policies": [mirrored, only, other]}
    assert importable(definitions) == {
        "queues": [{"name": "q"}],
        "policies": [{"name": "both", "definition": {"message-ttl": 5}}, other],
    }
    assert importable({"vhosts": []}) == {"vhosts": [], "policies": []}


def test_messages_that_only_the_broker_has_are_found() -> None:
    listed = [
        {"name": "notification.email", "messages": 7},
        {"name": "reviews.work", "messages": 2},
        {"name": "reviews.idle", "messages": 0},
    ]
    assert list(waiting(listed)) == [("reviews.work", 2)]
