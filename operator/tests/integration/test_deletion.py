"""What a deletion takes with it and what it leaves, by how it was asked for (O5, O6, O23)."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from shop_servers.servers import Postgres

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.kinds import EVENT, KAFKA_TOPIC, SHOP_SERVICE, kind_of
from shop_operator.metadata import Manifest

from .harm import SPEC, children
from .outside import Sql, delete, deleted, external, gone
from .shop import Shop, eventually
from .workloads import observe

SPEC_SCHEMA = "/spec/versions/0/schema/openAPIV3Schema/properties/spec"
ACCOUNT = kind_of({"apiVersion": "v1", "kind": "ServiceAccount"})
ENUM = f"{SPEC_SCHEMA}/properties/database/properties/kind/enum"


@pytest.fixture
def newer_crd(plane: ControlPlane) -> Iterator[None]:
    """A CRD that allows what this operator can't read."""

    def allow(kinds: list[str]) -> None:
        patch = orjson.dumps([{"op": "replace", "path": ENUM, "value": kinds}]).decode()
        plane.kubectl("patch", "crd", "shopservices.minishop.dev", "--type=json", f"-p={patch}")

    allow(["postgres", "mongodb", "cockroach"])
    yield
    allow(["postgres", "mongodb"])


def spec(name: str) -> dict[str, Any]:
    return {
        "database": {"kind": "postgres", "name": name, "onDelete": "Drop"},
        "events": {"publishes": [{"topic": f"{name}.events", "onDelete": "Drop"}]},
    }


async def notes(shop: Shop, reason: str) -> list[str]:
    """Return the notes of the Events with a reason."""
    found = await shop.client.list(EVENT, shop.namespace, recent=True)
    return [event["note"] for event in found["items"] if event["reason"] == reason]


async def alive(shop: Shop, before: list[Manifest]) -> list[str]:
    """Return the names of the children that still are what they were."""
    found = []
    for child in before:
        metadata = child["metadata"]
        live = await shop.get(kind_of(child), metadata["name"], metadata["namespace"])
        if live is not None and live["metadata"]["uid"] == metadata["uid"]:
            found.append(f"{child['kind']} {metadata['name']}")
    return found


@pytest.mark.parametrize("seen", ["with the finalizer", "after the garbage collector"])
async def test_orphaned_children_stay(
    sql: Shop, postgres: Postgres, name: str, seen: str, plane: ControlPlane
) -> None:
    await sql.start()
    await sql.declare("parent", **SPEC | spec(name))
    await sql.reason("parent", "DatabaseReady", "Available")
    before = await children(sql, "parent")
    if seen != "with the finalizer":
        await sql.stop()
    plane.kubectl(
        "delete", "shopsvc", "parent", f"-n={sql.namespace}", "--cascade=orphan", "--wait=false"
    )
    if seen == "with the finalizer":
        await eventually(lambda: _has(sql, "LeftBehind"))
    # What the garbage collector does, which does not run here.
    for child in before:
        metadata = child["metadata"]
        patch: Manifest = {"metadata": {"ownerReferences": None}}
        if metadata["namespace"] == sql.namespace:
            await sql.client.merge(kind_of(child), sql.namespace, metadata["name"], patch)
    body = await sql.client.get(SHOP_SERVICE, sql.namespace, "parent")
    kept = [each for each in body["metadata"]["finalizers"] if each != "orphan"]
    patch = {"metadata": {"finalizers": kept or None}}
    await sql.client.merge(SHOP_SERVICE, sql.namespace, "parent", patch)
    if seen != "with the finalizer":
        await sql.start()
    await gone(sql, "parent")
    assert len(await alive(sql, before)) == len(before)
    assert ("database", name) in await Sql(postgres).all_named(name)
    # A service of the same name takes them up again, and may then take them away.
    await sql.declare("parent", **SPEC | spec(name))
    await sql.reason("parent", "DatabaseReady", "Available")
    await sql.settled("parent")
    assert len(await alive(sql, before)) == len(before)
    await deleted(sql, "parent")
    assert await Sql(postgres).all_named(name) == set()


async def test_a_copy_of_a_child_is_not_taken_for_an_orphan(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    await sql.start()
    await sql.declare("parent", **spec(name))
    await sql.reason("parent", "DatabaseReady", "Available")
    account = await sql.client.get(ACCOUNT, sql.namespace, "parent")
    metadata = {
        "name": "a-copy",
        "namespace": sql.namespace,
        "labels": account["metadata"]["labels"],
    }
    copy = {"apiVersion": ACCOUNT.api_version, "kind": ACCOUNT.kind, "metadata": metadata}
    await sql.client.apply(copy, manager="kubectl")
    await sql.stop()
    await sql.start()  # it lists by name, so the copy comes first
    await deleted(sql, "parent")
    assert await Sql(postgres).all_named(name) == set()
    assert await sql.get(ACCOUNT, "a-copy") is not None


@pytest.mark.parametrize("policy", ["Paused", "Observe"])
async def test_hands_off_means_what_is_outside_stays(
    sql: Shop, postgres: Postgres, name: str, policy: str
) -> None:
    await sql.start()
    await sql.declare("held", **spec(name))
    await sql.reason("held", "DatabaseReady", "Available")
    before = await Sql(postgres).all_named(name)
    assert ("database", name) in before
    await sql.declare("held", **spec(name), managementPolicy=policy)
    await deleted(sql, "held")
    assert await Sql(postgres).all_named(name) == before
    assert await sql.get(KAFKA_TOPIC, f"{name}.events", sql.platform.kafka_namespace) is not None
    [note] = await notes(sql, "LeftBehind")
    assert f"Database {name}" in note
    assert f"{name}.events" in note


async def test_a_deletion_that_waits_can_be_ended_by_pausing(
    sql: Shop, postgres: Postgres, name: str, closed_port: int
) -> None:
    await sql.start()
    await sql.declare("stuck", **spec(name))
    await sql.reason("stuck", "DatabaseReady", "Available")
    await sql.stop()
    await sql.start(postgres_address=f"127.0.0.1:{closed_port}")
    await delete(sql, "stuck")
    message = await sql.reason("stuck", "Ready", "Unreachable")
    assert "deletion waits" in message
    await sql.declare("stuck", **spec(name), managementPolicy="Paused")
    await gone(sql, "stuck")
    assert ("database", name) in await Sql(postgres).all_named(name)


@pytest.mark.usefixtures("newer_crd")
async def test_a_spec_that_cannot_be_read_is_deleted_from_memory(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    await sql.start()
    await sql.declare("newer", **spec(name))
    await sql.reason("newer", "DatabaseReady", "Available")
    await sql.declare("newer")  # a kind is immutable, so it goes by way of none
    await sql.stop()
    await sql.declare("newer", database={"kind": "cockroach", "name": "elsewhere"})
    await sql.start()
    await sql.reason("newer", "Ready", "InvalidSpec")
    assert ("Database", name) in await external(sql, "newer")
    await deleted(sql, "newer")
    assert await Sql(postgres).all_named(name) == set()
    assert await sql.get(KAFKA_TOPIC, f"{name}.events", sql.platform.kafka_namespace) is None


async def test_finalizers_of_others_are_left_alone(shop: Shop) -> None:
    await shop.start()
    await shop.declare("shared")
    await shop.settled("shared")
    await observe(shop, "shared")
    await shop.reason("shared", "Ready", "AllReady")
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, "shared")
    finalizers = [*body["metadata"]["finalizers"], "example.com/backup"]
    patch = {"metadata": {"finalizers": finalizers}}
    await shop.client.merge(SHOP_SERVICE, shop.namespace, "shared", patch)
    await delete(shop, "shared")

    async def ours_gone() -> bool:
        live = await shop.client.get(SHOP_SERVICE, shop.namespace, "shared")
        return bool(live["metadata"]["finalizers"] == ["example.com/backup"])

    await eventually(ours_gone)
    assert (await shop.condition("shared", "Ready"))["reason"] == "Deleting"
    free = {"metadata": {"finalizers": None}}
    await shop.client.merge(SHOP_SERVICE, shop.namespace, "shared", free)
    await gone(shop, "shared")


async def test_what_the_version_before_made_is_taken_over(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    await sql.start()
    whole = spec(name) | {"events": {**spec(name)["events"], "outbox": {}}}
    await sql.declare("older", **whole)
    await sql.reason("older", "CdcReady", "OutboxMissing")
    await sql.stop()
    await forget(sql, "older")
    before = await sql.client.get(KAFKA_TOPIC, sql.platform.kafka_namespace, f"{name}.events")
    await sql.start()

    async def recorded() -> bool:
        return ("Database", name) in await external(sql, "older")

    await eventually(recorded)
    after = await sql.client.get(KAFKA_TOPIC, sql.platform.kafka_namespace, f"{name}.events")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    await sql.stop()
    await forget(sql, "older")
    await delete(sql, "older")  # before this version has seen it
    await sql.start()
    await gone(sql, "older")
    assert await Sql(postgres).all_named(name) == set()
    assert await sql.get(KAFKA_TOPIC, f"{name}.events", sql.platform.kafka_namespace) is None


async def test_what_a_newer_version_made_is_not_left_behind_in_silence(shop: Shop) -> None:
    await shop.start()
    await shop.declare("future")
    await shop.settled("future")
    await shop.stop()
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, "future")
    entry = {"store": "later", "kind": "Thing", "name": "future", "onDelete": "Drop"}
    await _write_status(shop, body, {**body["status"], "external": [entry]})
    await shop.start()
    await delete(shop, "future")
    message = await shop.reason("future", "Ready", "UnknownExternal")
    assert "Thing future" in message
    await shop.declare("future", managementPolicy="Paused")
    await gone(shop, "future")


async def forget(shop: Shop, name: str) -> None:
    """Take `status.external` away, which the version before did not write."""
    body = await shop.client.get(SHOP_SERVICE, shop.namespace, name)
    status = {part: value for part, value in body["status"].items() if part != "external"}
    await _write_status(shop, body, status)
    assert await external(shop, name) == {}


async def _write_status(shop: Shop, body: Manifest, status: Manifest) -> None:
    metadata = {part: body["metadata"][part] for part in ("name", "namespace", "uid")}
    part = {part: body[part] for part in ("apiVersion", "kind")}
    await shop.client.apply_status({**part, "metadata": metadata, "status": status})


async def _has(shop: Shop, reason: str) -> bool:
    return bool(await notes(shop, reason))
