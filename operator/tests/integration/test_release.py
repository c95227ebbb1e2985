"""What is no longer declared is released as it was declared, however long it takes (O4, O8)."""

import secrets

from shop_servers.servers import MongoDB, Postgres

from shop_operator.api.kinds import KAFKA_TOPIC

from .outside import Sql, deleted, mongo, remembers
from .shop import Shop, eventually
from .streams import capturing, kafka_names, streaming, whole


async def test_what_was_cut_from_the_spec_goes(sql: Shop, postgres: Postgres, name: str) -> None:
    admin = Sql(postgres)
    await streaming(sql, admin, name)
    await sql.declare("cut")

    async def released() -> bool:
        return not await admin.all_named(name) and not await kafka_names(sql)

    await eventually(released, why=lambda: "something is left")
    await remembers(sql, "cut", set())
    await deleted(sql, "cut")


async def test_what_was_cut_and_deleted_at_once_goes(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await streaming(sql, admin, name)
    await sql.stop()
    await sql.declare("cut")
    operator = sql.start()
    await operator
    await deleted(sql, "cut")
    assert await admin.all_named(name) == set()
    assert await kafka_names(sql) == {}


async def test_retained_things_stay_and_the_slot_goes(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await streaming(sql, admin, name, **whole(name, "Retain"))
    await sql.declare("cut")

    async def released() -> bool:
        return await admin.all_named(name) == {("database", name), ("role", name)}

    await eventually(released)
    await remembers(sql, "cut", set())
    # The same service may have its database back, with what is in it.
    await sql.declare("cut", **whole(name))
    await sql.reason("cut", "DatabaseReady", "Available")
    owner = await admin.login(sql, "cut", name)
    assert await owner.fetchval("SELECT count(*) FROM outbox") == 0
    await owner.close()
    await deleted(sql, "cut")
    assert await admin.all_named(name) == set()


async def test_a_store_that_is_away_is_waited_for(
    sql: Shop, postgres: Postgres, name: str, closed_port: int
) -> None:
    admin = Sql(postgres)
    reachable = sql.platform.postgres_address
    await streaming(sql, admin, name)
    await sql.stop()
    await sql.start(postgres_address=f"127.0.0.1:{closed_port}")
    await sql.declare("cut", database=whole(name)["database"])  # without its outbox
    message = await sql.reason("cut", "Synced", "Unreachable")
    assert f"{name}_outbox" in message
    assert ("slot", f"{name}_outbox") in await admin.all_named(name)
    await sql.declare("cut")  # and without its database
    await sql.stop()
    await sql.start(postgres_address=f"127.0.0.1:{closed_port}")
    await sql.reason("cut", "Synced", "Unreachable")
    await sql.stop()
    await sql.start(postgres_address=reachable)

    async def released() -> bool:
        return not await admin.all_named(name)

    await eventually(released)
    await sql.settled("cut")


async def test_a_renamed_topic_goes_as_it_was_declared(shop: Shop) -> None:
    await shop.start()
    namespace = shop.platform.kafka_namespace
    topics = [{"topic": "a.dropped", "onDelete": "Drop"}, {"topic": "a.kept"}]
    await shop.declare("renaming", events={"publishes": topics})
    await shop.settled("renaming")
    for topic in ("a.dropped", "a.kept"):  # as Strimzi does, so that what is asked of it shows
        held = {"metadata": {"finalizers": ["strimzi.io/topic-operator"]}}
        await shop.client.merge(KAFKA_TOPIC, namespace, topic, held)
    await shop.declare("renaming", events={"publishes": [{"topic": "a.renamed"}]})

    async def deleting() -> bool:
        found = await kafka_names(shop)
        return all("deletionTimestamp" in found[topic] for topic in ("a.dropped", "a.kept"))

    await eventually(deleting)
    found = await kafka_names(shop)
    assert "strimzi.io/managed" not in found["a.dropped"]["annotations"]
    assert found["a.kept"]["annotations"]["strimzi.io/managed"] == "false"
    for topic in ("a.dropped", "a.kept"):
        free = {"metadata": {"finalizers": None}}
        await shop.client.merge(KAFKA_TOPIC, namespace, topic, free)
    await remembers(shop, "renaming", {("KafkaTopic", "a.renamed")})


async def test_a_renamed_outbox_is_published_in_place_of_the_old(
    sql: Shop, postgres: Postgres, name: str
) -> None:
    admin = Sql(postgres)
    await streaming(sql, admin, name)
    await admin.migrate(sql, "cut", name, "outbox_two")
    spec = whole(name)
    await sql.declare("cut", **spec | {"events": {"outbox": {"table": "outbox_two"}}})

    async def published() -> bool:
        async with admin.admin(name) as inside:
            rows = await inside.fetch("SELECT tablename FROM pg_publication_tables")
            old = await inside.fetchval(
                "SELECT has_table_privilege($1, 'outbox', 'SELECT')", f"{name}_cdc"
            )
        return [row["tablename"] for row in rows] == ["outbox_two"] and not old

    await eventually(published)
    assert ("slot", f"{name}_outbox") in await admin.all_named(name)


async def test_mongodb_releases_likewise(documents: Shop, mongodb: MongoDB) -> None:
    name = f"r{secrets.token_hex(4)}"
    async with mongo(mongodb) as admin:
        await capturing(documents, admin, name)
        await documents.declare("cut", database=whole(name, kind="mongodb")["database"])

        async def users() -> list[str]:
            found = (await admin[name].command("usersInfo"))["users"]
            return [user["user"] for user in found]

        async def capture_gone() -> bool:
            return await users() == [name]

        await eventually(capture_gone)
        await documents.declare("cut")

        async def all_gone() -> bool:
            return not await users() and name not in await admin.list_database_names()

        await eventually(all_gone)
