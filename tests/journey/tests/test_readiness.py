from typing import Any

import pytest
from shop_journey.readiness import rolled_out, unready


def service(*conditions: dict[str, Any], generation: int = 2) -> dict[str, Any]:
    return {
        "metadata": {"name": "order", "generation": generation},
        "status": {"conditions": list(conditions)},
    }


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 2,
    }


READY = condition("Ready", "True", "Ready")
NOT_READY = condition("Ready", "False", "NotReady", "DatabaseReady is False")


@pytest.mark.parametrize(
    ("found", "waiting"),
    [
        (service(READY), {}),
        (service(READY, generation=3), {"order": "not seen yet"}),
        (service(), {"order": "not seen yet"}),
        (service(NOT_READY), {"order": "NotReady: DatabaseReady is False"}),
        (
            service(NOT_READY, condition("DatabaseReady", "False", "Unreachable", "no route")),
            {"order": "Unreachable: no route"},
        ),
    ],
)
def test_what_a_service_waits_for_is_said(found: dict[str, Any], waiting: dict[str, str]) -> None:
    assert unready([found]) == waiting


@pytest.mark.parametrize(
    ("status", "done"),
    [
        ({"observedGeneration": 1, "updatedReplicas": 2, "readyReplicas": 2, "replicas": 2}, True),
        ({"observedGeneration": 1, "updatedReplicas": 2, "readyReplicas": 1, "replicas": 2}, False),
        ({"observedGeneration": 0, "updatedReplicas": 2, "readyReplicas": 2, "replicas": 2}, False),
        ({"observedGeneration": 1, "updatedReplicas": 2, "readyReplicas": 2, "replicas": 3}, False),
        ({}, False),
    ],
)
def test_a_rollout_is_over_when_only_new_pods_are_left(
    status: dict[str, int], *, done: bool
) -> None:
    assert (
        rolled_out({"metadata": {"generation": 1}, "spec": {"replicas": 2}, "status": status})
        is done
    )
