"""KafkaConnectors as Strimzi's cluster operator reconciles them: from the resource to Connect."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from shop_cluster.kubernetes_api import KubernetesApi, Resource
from shop_cluster.strimzi_status import (
    API,
    CLUSTER_LABEL,
    annotation,
    path_of,
    paused,
    timestamp,
    write_status,
)

PLURAL = "kafkaconnectors"
_REBALANCING = 409
_VERBS = {"paused": "pause", "stopped": "stop", "running": "resume"}
_log = logging.getLogger(__name__)
Connectors = dict[str, dict[str, Any]]
"""Connect's answer to `GET /connectors?expand=info&expand=status`, by connector."""


def config_of(resource: Resource) -> dict[str, str]:
    """Return the connector's settings as Connect stores them, its class and name among them."""
    spec = resource["spec"]
    config = {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in spec.get("config", {}).items()
    }
    config |= {"name": resource["metadata"]["name"], "connector.class": spec["class"]}
    if "tasksMax" in spec:
        config["tasks.max"] = str(spec["tasksMax"])
    return config


def failed(status: dict[str, Any]) -> str | None:
    """Say what has failed, by Connect's status of a connector; None when nothing has."""
    if status["connector"]["state"] == "FAILED":
        return "The connector has failed: " + _first_line(status["connector"].get("trace"))
    tasks = [task for task in status["tasks"] if task["state"] == "FAILED"]
    if not tasks:
        return None
    ids = ", ".join(str(task["id"]) for task in tasks)
    return f"The following tasks have failed: {ids}: " + _first_line(tasks[0].get("trace"))


def restart_due(resource: Resource, now: datetime) -> bool:
    """Whether a failed connector may be started again: at once, after 2 minutes, 6, 12, … 60.

    ``spec.autoRestart.maxRestarts`` ends it.
    """
    wanted = resource["spec"].get("autoRestart", {})
    done = resource.get("status", {}).get("autoRestart")
    count: int = done["count"] if done else 0
    if not wanted.get("enabled") or count >= wanted.get("maxRestarts", count + 1):
        return False
    return not done or now >= _parsed(done["lastRestartTimestamp"]) + _pause(count)


def restarts_forgotten(resource: Resource, now: datetime) -> bool:
    """Whether a connector that runs again has done so for as long as the next pause was."""
    done = resource.get("status", {}).get("autoRestart")
    return bool(done) and now >= _parsed(done["lastRestartTimestamp"]) + _pause(done["count"])


async def sweep(
    api: KubernetesApi, connect: httpx.AsyncClient, *, namespace: str, cluster: str
) -> bool:
    """Bring every connector of one Connect cluster to what its resource says; remove the others.

    Return whether one is on its way, so that it is worth looking again soon.
    """
    path = f"{API}/namespaces/{namespace}/{PLURAL}"
    resources = await api.list(path, labels={CLUSTER_LABEL: cluster})
    expanded = {"expand": ["info", "status"]}
    actual: Connectors = (
        (await connect.get("/connectors", params=expanded)).raise_for_status().json()
    )
    declared = {
        r["metadata"]["name"] for r in resources if "deletionTimestamp" not in r["metadata"]
    }
    for name in actual.keys() - declared:
        await _asked(connect.delete(f"/connectors/{name}"))
        _log.info("deleted connector %s", name)
    wanted = [r for r in resources if r["metadata"]["name"] in declared]
    settled = await asyncio.gather(
        *(_reconcile(api, connect, r, actual.get(r["metadata"]["name"])) for r in wanted)
    )
    return not all(settled)


async def _reconcile(
    api: KubernetesApi,
    connect: httpx.AsyncClient,
    resource: Resource,
    actual: dict[str, Any] | None,
) -> bool:
    name = resource["metadata"]["name"]
    if paused(resource):
        condition = {"type": "ReconciliationPaused", "status": "True"}
        await write_status(api, resource, PLURAL, {}, condition)
        return True
    try:
        wanted = config_of(resource)
        if actual is None or actual["info"]["config"] != wanted:
            await _asked(connect.put(f"/connectors/{name}/config", json=wanted))
            _log.info("configured connector %s", name)
        status = await _status(connect, name)
        state = resource["spec"].get("state", "running")
        if status["connector"]["state"] not in {state.upper(), "FAILED", "UNASSIGNED"}:
            await _asked(connect.put(f"/connectors/{name}/{_VERBS[state]}"))
        await _restart_task(api, connect, resource)
        problem = await _reset_offsets(api, connect, resource)
        await _report(api, connect, resource, status, problem)
        return _settled(status) and problem is None
    except httpx.HTTPStatusError as error:
        if error.response.status_code == _REBALANCING:
            raise  # soon over: the next sweep is told
        reason, message = "ConnectRestException", error.response.text
        _log.warning("connector %s: %s", name, message)
        condition = {"type": "NotReady", "status": "True", "reason": reason, "message": message}
        await write_status(api, resource, PLURAL, {}, condition)
        return True


async def _restart_task(api: KubernetesApi, connect: httpx.AsyncClient, resource: Resource) -> None:
    """Restart the task that the annotation ``strimzi.io/restart-task`` names, and remove it."""
    name, task = resource["metadata"]["name"], annotation(resource, "restart-task")
    if task is None:
        return
    await _asked(connect.post(f"/connectors/{name}/tasks/{task}/restart"))
    patch = {"metadata": {"annotations": {"strimzi.io/restart-task": None}}}
    await api.merge(path_of(resource, PLURAL), patch)
    _log.info("restarted task %s of connector %s, as annotated", task, name)


async def _reset_offsets(
    api: KubernetesApi, connect: httpx.AsyncClient, resource: Resource
) -> str | None:
    """Reset the offsets of a stopped connector annotated ``strimzi.io/connector-offsets: reset``.

    The annotation is removed once it is done; until then, say why it is not. (Listing and altering
    offsets, Strimzi's other two, are not here.)
    """
    name = resource["metadata"]["name"]
    if annotation(resource, "connector-offsets") != "reset":
        return None
    said = "Failed to reset the connector offsets due to "
    if resource["spec"].get("state") != "stopped":
        return f"{said}the connector not being stopped."
    answer = await connect.delete(f"/connectors/{name}/offsets")
    # As long as its tasks are stopping; and while Connect rebalances.
    if answer.status_code in {httpx.codes.BAD_REQUEST, _REBALANCING}:
        return f"{said}{answer.json()['message']}"
    answer.raise_for_status()
    patch = {"metadata": {"annotations": {"strimzi.io/connector-offsets": None}}}
    await api.merge(path_of(resource, PLURAL), patch)
    _log.info("reset the offsets of connector %s, as annotated", name)
    return None


async def _report(
    api: KubernetesApi,
    connect: httpx.AsyncClient,
    resource: Resource,
    status: dict[str, Any],
    warning: str | None,
) -> None:
    name, now = resource["metadata"]["name"], datetime.now(UTC)
    topics = (await _asked(connect.get(f"/connectors/{name}/topics"))).json()
    said: Resource = {
        "connectorStatus": status,
        "tasksMax": resource["spec"].get("tasksMax", 1),
        "topics": sorted(topics[name]["topics"]),
    }
    problem = failed(status)
    if problem is None:
        condition = {"type": "Ready", "status": "True"}
        if restarts_forgotten(resource, now):
            said["autoRestart"] = None
    else:
        condition = {
            "type": "NotReady",
            "status": "True",
            "reason": "Throwable",
            "message": problem,
        }
        if restart_due(resource, now):
            again = {"includeTasks": "true", "onlyFailed": "true"}
            await _asked(connect.post(f"/connectors/{name}/restart", params=again))
            count = resource.get("status", {}).get("autoRestart", {}).get("count", 0) + 1
            said["autoRestart"] = {
                "count": count,
                "connectorName": name,
                "lastRestartTimestamp": timestamp(now),
            }
            _log.warning("restarted connector %s, time %d: %s", name, count, problem)
    conditions = [condition]
    if warning is not None:
        told = {"type": "Warning", "status": "True", "reason": "ResetOffsets", "message": warning}
        conditions.append(told)
    await write_status(api, resource, PLURAL, said, *conditions)


async def _status(connect: httpx.AsyncClient, name: str) -> dict[str, Any]:
    """Return a connector's status; one just made has none for a moment."""
    while (  # noqa: ASYNC110 -- Connect sends no event
        answer := await connect.get(f"/connectors/{name}/status")
    ).status_code == httpx.codes.NOT_FOUND:
        await asyncio.sleep(0.1)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def _asked(request: Any) -> httpx.Response:  # noqa: ANN401 -- httpx types its calls as coroutines
    answer: httpx.Response = await request
    return answer.raise_for_status()


def _settled(status: dict[str, Any]) -> bool:
    states = [part["state"] for part in (status["connector"], *status["tasks"])]
    running = states[0] == "RUNNING"
    return "UNASSIGNED" not in states and (len(states) > 1 or not running)


def _pause(count: int) -> timedelta:
    return timedelta(minutes=min(count * count + count, 60))


def _parsed(moment: str) -> datetime:
    return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S%z")


def _first_line(trace: str | None) -> str:
    return (trace or "no trace").splitlines()[0]
