from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shop_cluster.strimzi_connectors import config_of, failed, restart_due, restarts_forgotten

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def connector(count: int | None = None, **auto_restart: Any) -> dict[str, Any]:
    spec = {"class": "c", "tasksMax": 1, "autoRestart": {"enabled": True} | auto_restart}
    done = {"count": count, "lastRestartTimestamp": "2026-01-01T00:00:00Z"}
    status = {} if count is None else {"autoRestart": done}
    return {"metadata": {"name": "n"}, "spec": spec, "status": status}


def test_the_class_and_the_name_win_over_the_config() -> None:
    resource = connector()
    resource["spec"]["config"] = {"connector.class": "other", "poll.interval.ms": 5, "on": True}
    assert config_of(resource) == {
        "name": "n",
        "connector.class": "c",
        "tasks.max": "1",
        "poll.interval.ms": "5",
        "on": "true",
    }


def test_a_first_failure_is_restarted_at_once() -> None:
    assert restart_due(connector(), BEGAN)


@pytest.mark.parametrize(("count", "minutes"), [(1, 2), (2, 6), (3, 12), (7, 56), (20, 60)])
def test_the_pause_grows_to_an_hour(count: int, minutes: int) -> None:
    due = BEGAN + timedelta(minutes=minutes)
    assert not restart_due(connector(count), due - timedelta(seconds=1))
    assert restart_due(connector(count), due)


def test_restarts_end_at_the_maximum() -> None:
    later = BEGAN + timedelta(days=1)
    assert restart_due(connector(6, maxRestarts=7), later)
    assert not restart_due(connector(7, maxRestarts=7), later)


def test_nothing_is_restarted_unasked() -> None:
    assert not restart_due(connector(enabled=False), BEGAN)


def test_restarts_are_forgotten_when_it_lasts() -> None:
    assert not restarts_forgotten(connector(2), BEGAN + timedelta(minutes=5))
    assert restarts_forgotten(connector(2), BEGAN + timedelta(minutes=6))
    assert not restarts_forgotten(connector(), BEGAN)


def test_a_failed_task_is_named_with_its_reason() -> None:
    status = {
        "connector": {"state": "RUNNING"},
        "tasks": [{"id": 0, "state": "FAILED", "trace": "no route\n  at x"}],
    }
    assert failed(status) == "The following tasks have failed: 0: no route"
    status["tasks"] = [{"id": 0, "state": "RUNNING"}]
    assert failed(status) is None
