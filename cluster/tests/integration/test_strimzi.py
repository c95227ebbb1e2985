"""The stand-in for Strimzi, on the cluster: what is declared is real in Kafka and Connect."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shop_cluster.build import shopkube
from shop_cluster.images import ensure, selected
from shop_cluster.places import Places
from shop_cluster.platform import install
from shop_cluster.progress import say
from shop_cluster.up import up

Kubectl = Callable[..., str]
SQL = """
create database "{name}";
\\c "{name}"
create table outbox (
    id uuid primary key, aggregatetype varchar(255), aggregateid varchar(255), payload jsonb);
create publication "{name}" for table outbox with (publish = 'insert');
"""


@pytest.fixture(scope="module")
def platform(machine: Places) -> Places:
    up(machine)
    for image in selected("embedded", platform=True):
        ensure(machine, image)
    kubectl = (str(shopkube()), "kubectl")
    install(kubectl=kubectl, kubeconfig=machine.kubeconfig, overlay="embedded", report=say)
    return machine


@pytest.fixture
def name(platform: Places, kubectl: Kubectl) -> Iterator[str]:
    name = f"t-{secrets.token_hex(4)}"
    yield name
    for kind in ("kafkaconnector", "kafkatopic", "secret"):
        kubectl("delete", kind, name, "-n=platform", "--ignore-not-found")


def manifest(kind: str, name: str, spec: dict[str, Any]) -> str:
    labels = {"strimzi.io/cluster": "minishop"}
    metadata = {"name": name, "namespace": "platform", "labels": labels}
    return json.dumps(
        {"apiVersion": "kafka.strimzi.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
    )


def wait(kubectl: Kubectl, kind: str, name: str, condition: str = "Ready") -> dict[str, Any]:
    kubectl(
        "wait", f"{kind}/{name}", "-n=platform", f"--for=condition={condition}", "--timeout=90s"
    )
    status: dict[str, Any] = json.loads(kubectl("get", kind, name, "-n=platform", "-o=json"))[
        "status"
    ]
    return status


def inside(kubectl: Kubectl, code: str) -> str:
    """Run Python in the stand-in's pod, which has clients for Kafka and Connect."""
    return kubectl(
        "exec", "-n=minishop-system", "deploy/strimzi-standin", "--", "python", "-c", code
    )


def partitions(kubectl: Kubectl, topic: str) -> int:
    """Return how many partitions Kafka says that a topic has; 0 when there is none."""
    code = (
        "import os; from confluent_kafka.admin import AdminClient as A;"
        "a = A({'bootstrap.servers': os.environ['KAFKA_BOOTSTRAP_SERVERS']});"
        f"t = a.list_topics(timeout=30).topics.get('{topic}'); print(len(t.partitions) if t else 0)"
    )
    return int(inside(kubectl, code).split()[-1])


def eventually(seen: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < until
        time.sleep(1)


def test_a_topic_lives_and_dies_with_its_resource(kubectl: Kubectl, name: str) -> None:
    kubectl(
        "apply", "-f", "-", stdin=manifest("KafkaTopic", name, {"partitions": 2, "replicas": 1})
    )
    status = wait(kubectl, "kafkatopic", name)
    assert status["observedGeneration"] == 1
    assert status["topicName"] == name
    assert partitions(kubectl, name) == 2

    kubectl(
        "apply", "-f", "-", stdin=manifest("KafkaTopic", name, {"partitions": 3, "replicas": 1})
    )
    eventually(lambda: partitions(kubectl, name) == 3)

    kubectl(
        "apply", "-f", "-", stdin=manifest("KafkaTopic", name, {"partitions": 1, "replicas": 1})
    )
    refused = wait(kubectl, "kafkatopic", name, "Ready=False")
    assert refused["conditions"][0]["reason"] == "NotSupported"

    kubectl("delete", "kafkatopic", name, "-n=platform", "--timeout=60s")
    assert partitions(kubectl, name) == 0


def test_an_unmanaged_topic_outlives_its_resource(kubectl: Kubectl, name: str) -> None:
    kubectl(
        "apply", "-f", "-", stdin=manifest("KafkaTopic", name, {"partitions": 1, "replicas": 1})
    )
    wait(kubectl, "kafkatopic", name)
    kubectl("annotate", "kafkatopic", name, "-n=platform", "strimzi.io/managed=false")
    kubectl("delete", "kafkatopic", name, "-n=platform", "--timeout=60s")
    assert partitions(kubectl, name) == 1
    kubectl(
        "apply", "-f", "-", stdin=manifest("KafkaTopic", name, {"partitions": 1, "replicas": 1})
    )
    wait(kubectl, "kafkatopic", name)  # taken up again, so that it goes with the test


def test_a_connector_is_real_and_reads_its_secret(kubectl: Kubectl, name: str) -> None:
    psql = ["exec", "-i", "-n=platform", "postgres-0", "--", "psql", "-qv", "ON_ERROR_STOP=1"]
    psql += ["-U", "postgres", "-h", "/run/postgresql"]
    kubectl(*psql, stdin=SQL.format(name=name))
    login = kubectl("get", "secret", "postgres-admin", "-n=platform", "-o=json")
    copied = json.loads(login) | {"metadata": {"name": name, "namespace": "platform"}}
    kubectl("create", "-f", "-", stdin=json.dumps(copied))
    config = {
        "plugin.name": "pgoutput",
        "topic.prefix": name,
        "database.hostname": "postgres.platform.svc.cluster.local",
        "database.user": f"${{secrets:platform/{name}:username}}",
        "database.password": f"${{secrets:platform/{name}:password}}",
        "database.dbname": name,
        "slot.name": name.replace("-", "_"),
        "slot.drop.on.stop": "true",
        "publication.name": name,
        "publication.autocreate.mode": "disabled",
        "table.include.list": "public.outbox",
    }
    spec = {
        "class": "io.debezium.connector.postgresql.PostgresConnector",
        "tasksMax": 1,
        "config": config,
    }
    try:
        kubectl("apply", "-f", "-", stdin=manifest("KafkaConnector", name, spec))
        wait(kubectl, "kafkaconnector", name)

        def running() -> bool:
            found = json.loads(kubectl("get", "kafkaconnector", name, "-n=platform", "-o=json"))
            tasks = found["status"]["connectorStatus"]["tasks"]
            return [task["state"] for task in tasks] == ["RUNNING"]

        eventually(running)
        kubectl("delete", "kafkaconnector", name, "-n=platform")
        url = "http://minishop-connect-api.platform.svc.cluster.local:8083/connectors"
        code = f"import httpx; print(httpx.get('{url}').text)"
        eventually(lambda: name not in inside(kubectl, code))
    finally:
        slots = f"select slot_name from pg_replication_slots where database = '{name}'"
        eventually(lambda: not kubectl(*psql, "-Atc", slots).strip())
        kubectl(*psql, "-c", f'drop database "{name}" with (force)')
