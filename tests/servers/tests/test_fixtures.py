"""Each fixture hands out a server that answers, and databases that are empty and apart."""

import ssl
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure
from redis.asyncio import Redis as RedisClient
from shop_servers.servers import BaoNamespace, Connect, Database, Kafka, Postgres, RabbitMQ


async def test_postgres_database_belongs_to_its_owner_who_is_no_superuser(
    postgres_database: Database,
) -> None:
    connection = await asyncpg.connect(postgres_database.url)
    try:
        await connection.execute("CREATE TABLE t (id int)")
        assert await connection.fetchval("SHOW is_superuser") == "off"
        assert await connection.fetchval("SHOW wal_level") == "logical"
    finally:
        await connection.close()


async def test_postgres_databases_are_apart(
    postgres: Postgres, postgres_database: Database, postgres_module_database: Database
) -> None:
    assert postgres_database.name != postgres_module_database.name
    connection = await asyncpg.connect(postgres.url)
    try:
        names = await connection.fetch("SELECT datname FROM pg_database")
    finally:
        await connection.close()
    assert {postgres_database.name, postgres_module_database.name} <= {name for (name,) in names}


async def test_mongodb_database_has_transactions(mongodb_database: Database) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongodb_database.url) as client:
        database = client[mongodb_database.name]
        async with client.start_session() as session:
            async with await session.start_transaction():
                await database.things.insert_one({"_id": 1}, session=session)
            assert await database.things.count_documents({}) == 1


async def test_mongodb_owner_sees_no_other_database(
    mongodb_database: Database, mongodb_module_database: Database
) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongodb_database.url) as client:
        with pytest.raises(OperationFailure, match="not authorized"):
            await client[mongodb_module_database.name].things.find_one()


async def test_redis_database_is_empty(redis_url: str) -> None:
    async with RedisClient.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("key", "value")


def test_rabbitmq_vhost_is_there(rabbitmq: RabbitMQ, rabbitmq_url: str) -> None:
    name = rabbitmq_url.rsplit("/", 1)[1]
    answer = httpx.get(f"{rabbitmq.management_url}/api/vhosts/{name}", auth=("guest", "guest"))
    assert answer.status_code == httpx.codes.OK


def test_connect_has_debezium_for_both_databases(connect: Connect) -> None:
    plugins = httpx.get(f"{connect.url}/connector-plugins").json()
    classes = {plugin["class"] for plugin in plugins}
    assert "io.debezium.connector.postgresql.PostgresConnector" in classes
    assert "io.debezium.connector.mongodb.MongoDbConnector" in classes


async def test_kafka_keeps_what_it_is_given(kafka: Kafka) -> None:
    topic = kafka.name()
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    try:
        sent = await producer.send_and_wait(topic, b"value", key=b"key")
    finally:
        await producer.stop()
    assert (sent.topic, sent.offset) == (topic, 0)


def test_openbao_is_unsealed_and_serves_what_its_tests_need(bao_namespace: BaoNamespace) -> None:
    server = bao_namespace.server
    trust = ssl.create_default_context(cafile=server.ca)
    headers = {"X-Vault-Token": server.token, "X-Vault-Namespace": bao_namespace.name}
    with httpx.Client(base_url=f"{server.url}/v1/", headers=headers, verify=trust) as client:
        for path, kind in (
            ("sys/mounts/database", "database"),
            ("sys/mounts/rabbitmq", "rabbitmq"),
            ("sys/mounts/secret", "kv"),
            ("sys/auth/kubernetes", "kubernetes"),
        ):
            client.post(path, json={"type": kind}).raise_for_status()
        del client.headers["X-Vault-Namespace"]
        plugins = client.request("LIST", "sys/plugins/catalog/database").json()["data"]["keys"]
    assert {"postgresql-database-plugin", "valkey-database-plugin"} <= set(plugins)


def test_openbao_refuses_who_has_no_token_and_logs_it(bao_namespace: BaoNamespace) -> None:
    server = bao_namespace.server
    trust = ssl.create_default_context(cafile=server.ca)
    path = f"{bao_namespace.name}/secret/data/anything"
    answer = httpx.get(f"{server.url}/v1/{path}", verify=trust)
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert path.removeprefix(f"{bao_namespace.name}/") in Path(server.audit).read_text()
