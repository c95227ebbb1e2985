"""What was there before, or is another's, is never altered or dropped (trial O1, O2, O3, O7)."""

import secrets
from typing import Any

import pytest
from shop_servers.servers import MongoDB, Postgres

from shop_operator.api.api_errors import ApiError
from shop_operator.api.kinds import DEPLOYMENT, KAFKA_CONNECTOR, KAFKA_TOPIC, SECRET, kind_of
from shop_operator.metadata import MANAGED_BY_LABEL, NAMESPACE_LABEL, SERVICE_LABEL, Manifest

from .command import manifest, plan
from .harm import SPEC, children
from .outside import Sql, deleted, external, mongo, status
from .shop import Shop, eventually

ALL_LABELS = [MANAGED_BY_LABEL, SERVICE_LABEL, NAMESPACE_LABEL]
KAFKA = {"apiVersion": KAFKA_TOPIC.api_version, "kind": KAFKA_TOPIC.kind}


def database(name: str, kind: str = "postgres", on_delete: str = "Drop") -> dict[str, Any]:
    return {"kind": kind, "name": name, "onDelete": on_delete}


@pytest.mark.parametrize("owner", ["", "_dba"])
async def test_a_database_that_was_there_before_survives_its_refused_service(
    sql: Shop, postgres: Postgres, name: str, owner: str
) -> None:
    admin = Sql(postgres)
    role = f"{name}{owner}"
    await admin.run(f'CREATE ROLE "{role}"', f'CREATE DATABASE "{name}" OWNER "{role}"')
    before = await admin.all_named(name)
    await sql.start()
    events = {"publishes": [{"topic": f"{name}.events", "onDelete": "Drop"}], "outbox": {}}
    await sql.declare("legacy", database=database(name), events=events)
    message = await sql.reason("legacy", "DatabaseReady", "NotOwned")
    assert "rename one" in message
    assert "DROP" not in message.upper().replace("DROPPED", "")
    await sql.reason("legacy", "EventsReady", "Withheld")
    assert await sql.get(KAFKA_TOPIC, f"{name}.events", sql.platform.kafka_namespace) is None
    assert await sql.get(SECRET, "legacy-access") is None
    assert (await status(sql, "legacy"))["external"] == []
    assert await admin.all_named(name) == before
    await deleted(sql, "legacy")
    assert await admin.all_named(name) == before


async def test_a_capture_role_that_was_there_before_survives(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await admin.run(f'CREATE ROLE "{name}_cdc" LOGIN')
    await sql.start()
    await sql.declare("late", database=database(name), events={"outbox": {}})
    await sql.reason("late", "DatabaseReady", "NotOwned")
    assert await admin.all_named(name) == {("role", f"{name}_cdc")}
    await deleted(sql, "late")
    assert await admin.all_named(name) == {("role", f"{name}_cdc")}


@pytest.mark.parametrize("title", [str.lower, str.capitalize])
async def test_documents_that_were_there_before_survive(
    documents: Shop, mongodb: MongoDB, title: Any
) -> None:
    name = f"o{secrets.token_hex(4)}"
    there = title(name)
    async with mongo(mongodb) as admin:
        await admin[there]["orders"].insert_one({"_id": 1})
        await documents.start()
        await documents.declare("legacy", database=database(name, "mongodb"))
        await documents.reason("legacy", "DatabaseReady", "NotOwned")
        assert (await admin[name].command("usersInfo"))["users"] == []
        await deleted(documents, "legacy")
        assert await admin[there]["orders"].count_documents({}) == 1
        await admin.drop_database(there)


@pytest.mark.parametrize(
    "reserved", ["postgres", "template0", "template1", "admin", "config", "local", "pg_mine"]
)
@pytest.mark.parametrize("kind", ["postgres", "mongodb"])
async def test_reserved_names_are_refused_by_the_schema(
    shop: Shop, reserved: str, kind: str
) -> None:
    with pytest.raises(ApiError, match="reserved"):
        await shop.declare("bad", database=database(reserved, kind))


async def test_the_loser_of_a_name_takes_nothing_of_the_winner(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await sql.start()
    await sql.declare("winner", database=database(name), events={"outbox": {}})
    await sql.reason("winner", "CdcReady", "OutboxMissing")
    await admin.migrate(sql, "winner", name)
    await sql.reason("winner", "CdcReady", "ConnectorNotReady")
    await admin.make_slot(name)
    before = await admin.all_named(name)
    assert ("slot", f"{name}_outbox") in before
    await sql.declare("loser", database=database(name), events={"outbox": {}})
    await sql.reason("loser", "DatabaseReady", "NotOwned")
    assert await external(sql, "loser") == {}
    await deleted(sql, "loser")
    assert await admin.all_named(name) == before
    async with admin.admin(name) as inside:
        assert await inside.fetchval("SELECT count(*) FROM pg_publication") == 1
    assert await sql.get(KAFKA_CONNECTOR, "winner-outbox", sql.platform.kafka_namespace)


@pytest.mark.parametrize(
    "labels",
    [[SERVICE_LABEL], ["app.kubernetes.io/managed-by", SERVICE_LABEL, "minishop.dev/namespace"]],
)
async def test_a_child_without_its_labels_is_still_ours(shop: Shop, labels: list[str]) -> None:
    await shop.start()
    await shop.declare("bare", **SPEC)
    for child in await children(shop, "bare"):
        metadata = child["metadata"]
        kind, namespace, child_name = kind_of(child), metadata["namespace"], metadata["name"]
        taken = {"metadata": {"labels": dict.fromkeys(labels)}}
        if child["metadata"].get("ownerReferences") and len(labels) > 1:
            taken["metadata"]["ownerReferences"] = None  # type: ignore[assignment]
        await shop.client.merge(kind, namespace, child_name, taken)

        async def restored() -> bool:
            live = await shop.client.get(kind, namespace, child_name)  # noqa: B023 - awaited here
            same = bool(live["metadata"]["uid"] == metadata["uid"])  # noqa: B023 - awaited here
            return same and live["metadata"]["labels"] == metadata["labels"]  # noqa: B023

        await eventually(restored, seconds=60, why=f"{kind} {child_name}".__str__)
    await shop.settled("bare")


async def test_another_resource_for_the_same_topic_is_not_taken_over(shop: Shop) -> None:
    namespace = shop.platform.kafka_namespace
    topic = {
        **KAFKA,
        "metadata": {"name": "legacy", "namespace": namespace},
        "spec": {"topicName": "taken.events", "partitions": 1},
    }
    await shop.client.apply(topic, manager="somebody")
    await shop.start()
    publishes = [{"topic": "taken.events", "onDelete": "Drop"}, {"topic": "free.events"}]
    await shop.declare("second", events={"publishes": publishes})
    message = await shop.reason("second", "EventsReady", "NotOwned")
    assert "delete" not in message
    assert await shop.get(KAFKA_TOPIC, "taken.events", namespace) is None
    assert await shop.get(KAFKA_TOPIC, "free.events", namespace) is None
    await deleted(shop, "second")
    assert await shop.get(KAFKA_TOPIC, "legacy", namespace) is not None


@pytest.mark.parametrize(
    ("api", "kind", "spec"),
    [
        ("v1", "ServiceAccount", {}),
        ("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"podSelector": {}}}),
    ],
)
async def test_no_pods_are_made_with_anothers_rights(
    shop: Shop, api: str, kind: str, spec: Manifest
) -> None:
    metadata = {"name": "deployer", "namespace": shop.namespace}
    theirs: Manifest = {"apiVersion": api, "kind": kind, "metadata": metadata, **spec}
    theirs = await shop.client.apply(theirs, manager="somebody")
    await shop.start()
    await shop.declare("deployer")
    assert kind in await shop.reason("deployer", "Synced", "NotOwned")
    assert await shop.get(DEPLOYMENT, "deployer") is None
    changes = {(c["action"], c["kind"]) for c in plan(shop, manifest(shop, "deployer"))}
    assert {("refused", kind), ("keep", "Deployment")} <= changes
    uid = theirs["metadata"]["uid"]
    await shop.client.delete(kind_of(theirs), shop.namespace, "deployer", uid=uid)
    await shop.settled("deployer")
    assert await shop.get(DEPLOYMENT, "deployer") is not None


async def test_a_topic_that_somebody_labelled_like_ours_is_not_pruned(shop: Shop) -> None:
    namespace = shop.platform.kafka_namespace
    await shop.start()
    await shop.declare("copied", **SPEC)
    before = {c["kind"]: c for c in await children(shop, "copied")}
    copies = []
    for kind in ("KafkaTopic", "ConfigMap", "ServiceAccount"):
        source = before.get(kind, before["ServiceAccount"])
        copy: Manifest = {
            "apiVersion": "v1" if kind != "KafkaTopic" else KAFKA_TOPIC.api_version,
            "kind": kind,
            "metadata": {
                "name": f"copy-{kind.lower()}",
                "namespace": namespace if kind == "KafkaTopic" else shop.namespace,
                "labels": source["metadata"]["labels"],
            },
        }
        if kind == "KafkaTopic":
            copy["spec"] = {"partitions": 1}
        copies.append(await shop.client.apply(copy, manager="kubectl"))
    await shop.declare("copied", port=9000)
    await shop.settled("copied")
    await deleted(shop, "copied")
    for copy in copies:
        metadata = copy["metadata"]
        live = await shop.get(kind_of(copy), metadata["name"], metadata["namespace"])
        assert live is not None, copy["kind"]
        assert "deletionTimestamp" not in live["metadata"]
