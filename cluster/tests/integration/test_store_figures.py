"""What real stores tell of themselves, and what is shown of one that does not answer."""

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from prometheus_client import REGISTRY
from shop_servers.servers import Database, Kafka, MongoDB, Postgres, RabbitMQ, Redis

from shop_cluster.store_figures.__main__ import look, urls
from shop_cluster.store_figures.gauges import show

STORES = ("postgres", "mongodb", "redis", "rabbitmq", "kafka")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    for store in STORES:
        show(store, None)
    # pymongo leaves the socket of a refused login to the collector, which may warn in another test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def shown(store: str) -> dict[tuple[str, ...], float]:
    """Return what is shown of a store, by the gauge's name and its further labels."""
    return {
        (sample.name, *(v for k, v in sample.labels.items() if k != "store")): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name.startswith("store_") and sample.labels["store"] == store
    }


async def test_postgres_tells_of_sizes_slots_and_a_transaction_that_stays_open(
    postgres: Postgres, postgres_database: Database
) -> None:
    name = postgres_database.name
    admin = await asyncpg.connect(postgres_database.admin_url)
    try:
        async with admin.transaction():
            await admin.execute("CREATE TABLE letters (line text)")
        slot = "SELECT pg_create_logical_replication_slot($1, 'pgoutput')"
        await admin.execute(slot, name)
        async with admin.transaction():
            await admin.execute("SELECT pg_sleep(1.1)")
            assert await look("postgres", postgres.url) is None
    finally:
        await admin.close()
    found = shown("postgres")
    assert found["store_up",] == 1
    assert 1 < found["store_connections",] < found["store_connections_most",]
    assert found["store_longest_transaction_seconds",] > 1
    assert found["store_size_bytes", name] > 1_000_000
    assert found["store_slot_bytes", name] >= 0


async def test_mongodb_tells_how_far_back_its_oplog_goes(
    mongodb: MongoDB, mongodb_database: Database
) -> None:
    assert await look("mongodb", mongodb.url) is None
    found = shown("mongodb")
    assert found["store_up",] == 1
    assert 0 < found["store_connections",] < found["store_connections_most",]
    assert found["store_memory_bytes",] > 2**20
    assert found["store_oplog_seconds",] >= 0
    assert found["store_size_bytes", "admin"] > 0


async def test_redis_tells_of_its_memory(redis: Redis) -> None:
    assert await look("redis", redis.url) is None
    found = shown("redis")
    assert found["store_up",] == 1
    assert 0 < found["store_connections",] < found["store_connections_most",]
    assert found["store_memory_bytes",] > 100_000
    assert found["store_keys_evicted",] == 0


async def test_rabbitmq_tells_how_many_messages_wait(rabbitmq: RabbitMQ) -> None:
    place = urlsplit(rabbitmq.management_url)
    login = urlsplit(rabbitmq.url)
    url = place._replace(netloc=f"{login.username}:{login.password}@{place.netloc}").geturl()
    vhost = "figures"
    auth = (login.username or "", login.password or "")
    async with httpx.AsyncClient(base_url=rabbitmq.management_url, auth=auth, timeout=30) as http:
        (await http.put(f"/api/vhosts/{vhost}")).raise_for_status()
        try:
            (await http.put(f"/api/queues/{vhost}/letters", json={})).raise_for_status()
            letter = {
                "properties": {},
                "routing_key": "letters",
                "payload": "x",
                "payload_encoding": "string",
            }
            to = f"/api/exchanges/{vhost}/amq.default/publish"
            (await http.post(to, json=letter)).raise_for_status()
            assert await look("rabbitmq", url) is None
        finally:
            (await http.delete(f"/api/vhosts/{vhost}")).raise_for_status()
    found = shown("rabbitmq")
    assert found["store_up",] == 1
    assert found["store_queue_messages", vhost, "letters"] == 1
    assert await look("rabbitmq", url) is None
    assert ("store_queue_messages", vhost, "letters") not in shown("rabbitmq")  # it has gone


async def test_kafka_tells_of_partitions_without_a_leader(kafka: Kafka) -> None:
    assert await look("kafka", kafka.bootstrap_servers) is None
    found = shown("kafka")
    assert found["store_up",] == 1
    assert found["store_partitions", "leaderless"] == 0
    assert found["store_partitions", "short"] == 0


@pytest.mark.parametrize("store", STORES)
async def test_of_one_that_does_not_answer_only_that_is_shown(
    store: str, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop_cluster.store_figures.ask.SECONDS", 1.0)
    show(store, {"store_connections": 3, "store_size_bytes": {("of-before",): 7}})
    assert shown(store)["store_up",] == 1
    schemes = {"postgres": "postgresql", "rabbitmq": "http"}
    scheme = "" if store == "kafka" else f"{schemes.get(store, store)}://"
    failure = await look(store, f"{scheme}127.0.0.1:{unused_tcp_port}")
    assert failure
    assert shown(store) == {("store_up",): 0}


async def test_a_refused_login_is_told_without_its_password(
    postgres: Postgres, mongodb: MongoDB, redis: Redis, rabbitmq: RabbitMQ
) -> None:
    stores = {
        "postgres": postgres.url,
        "mongodb": mongodb.url,
        "redis": redis.url,
        "rabbitmq": rabbitmq.management_url,
    }
    for store, url in stores.items():
        place = urlsplit(url)
        netloc = f"nobody:topsecret@{place.hostname}:{place.port}"
        failure = await look(store, place._replace(netloc=netloc).geturl())
        assert failure is not None, store
        assert "topsecret" not in failure
        assert shown(store) == {("store_up",): 0}


def test_a_store_is_asked_by_the_login_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "username").write_text("postgres")
    (tmp_path / "postgres" / "password").write_text("a/b@c")
    said = {"CREDENTIALS_DIR": str(tmp_path), "POSTGRES": "postgres:5432", "KAFKA": "kafka:9092"}
    assert urls(said) == {
        "postgres": "postgresql://postgres:a%2Fb%40c@postgres:5432/postgres",
        "kafka": "kafka:9092",
    }
    assert urls({}) == {}
