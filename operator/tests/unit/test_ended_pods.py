"""A pod that ended stays in the cluster; what it says is of then, once another is in its place."""

import pytest

from shop_operator.conditions.workload import rollout
from shop_operator.metadata import Manifest

from .test_rollout import BACK_OFF, CRASHED, RUNNING, container, declared, live, pod

EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
EARLIER, LATER = "2026-01-01T00:00:02Z", "2026-01-01T00:05:02Z"
LACKS_ONE = {"availableReplicas": 1, "readyReplicas": 1}


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (container(RUNNING), "Progressing"),
        (container(BACK_OFF, {"terminated": CRASHED}), "CrashLooping"),
    ],
)
def test_one_that_was_replaced_is_no_failure(now: Manifest, reason: str) -> None:
    of = declared()
    pods = [pod(name="a-1", created=EARLIER, status=EVICTED), pod(now, name="a-2", created=LATER)]
    assert rollout(of, [live(of, **LACKS_ONE)], pods).reason == reason


def test_one_that_nothing_is_in_the_place_of_is_a_failure() -> None:
    of = declared()
    serves = pod(container(RUNNING, ready=True), name="a-1", created=EARLIER)
    told = rollout(of, [live(of, **LACKS_ONE)], [serves, pod(created=LATER, status=EVICTED)])
    assert told.reason == "PodFailed"
    assert "low on memory" in told.message
