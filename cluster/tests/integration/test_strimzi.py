"""The stand-in for Strimzi, on the cluster: what is declared is real in Kafka and Connect."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shop_cluster.paths import ClusterPaths

Kubectl = Callable[..., str]
SQL = """
create database "{name}";
\\c "{name}"
create table outbox (
    id uuid primary key, aggregatetype varchar(255), aggregateid varchar(255), payload jsonb);
create publication "{name}" for table outbox with (publish = 'insert');
"""


@pytest.fixture
def name(platform: ClusterPaths, kubectl: Kubectl) -> Iterator[str]:
    name = f"t-{secrets.token_hex(4)}"
    yield name
    for kind in ("kafkaconnector", "kafkatopic", "secret", "role", "rolebinding"):
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


ADMIN = (
    "import os; from confluent_kafka.admin import *;"
    "admin = AdminClient({'bootstrap.servers': os.environ['KAFKA_BOOTSTRAP_SERVERS']});"
)
CONNECT = "import os, httpx; connect = os.environ['CONNECT_URL'] + '/connectors';"


def partitions(kubectl: Kubectl, topic: str) -> int:
    """Return how many partitions Kafka says that a topic has; 0 when there is none."""
    code = (
        f"{ADMIN} t = admin.list_topics(timeout=30).topics.get('{topic}');"
        "print(len(t.partitions) if t else 0)"
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


def retention(kubectl: Kubectl, topic: str) -> str:
    code = (
        f"{ADMIN} resource = ConfigResource(ResourceType.TOPIC, '{topic}');"
        "print(admin.describe_configs([resource])[resource].result()['retention.ms'].value)"
    )
    return inside(kubectl, code).split()[-1]


def test_a_topic_changed_in_kafka_is_put_right(kubectl: Kubectl, name: str) -> None:
    spec = {"partitions": 1, "replicas": 1, "config": {"retention.ms": 3600000}}
    kubectl("apply", "-f", "-", stdin=manifest("KafkaTopic", name, spec))
    wait(kubectl, "kafkatopic", name)
    assert retention(kubectl, name) == "3600000"
    alter = (
        "entry = ConfigEntry('retention.ms', '1', incremental_operation=AlterConfigOpType.SET);"
        f"resource = ConfigResource(ResourceType.TOPIC, '{name}', incremental_configs=[entry]);"
        "admin.incremental_alter_configs([resource])[resource].result()"
    )
    inside(kubectl, f"{ADMIN} {alter}")
    eventually(lambda: retention(kubectl, name) == "3600000")
    inside(kubectl, f"{ADMIN} admin.delete_topics(['{name}'])['{name}'].result()")
    eventually(lambda: partitions(kubectl, name) == 1)


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        ("KafkaTopic", {"partitons": 1}, "partitons"),
        ("KafkaTopic", {"partitions": "three"}, "must be of type integer"),
        ("KafkaConnector", {"class": "Any", "taskMax": 1}, "taskMax"),
        ("KafkaConnector", {"class": "Any", "state": "asleep"}, "Unsupported value"),
    ],
)
def test_what_strimzi_does_not_know_is_refused(
    kubectl: Kubectl, name: str, kind: str, spec: dict[str, Any], said: str
) -> None:
    with pytest.raises(AssertionError, match=said):
        kubectl("apply", "-f", "-", stdin=manifest(kind, name, spec))
    with pytest.raises(AssertionError, match="NotFound"):
        kubectl("get", kind, name, "-n=platform")


def test_a_connector_is_real_and_reads_its_secret(kubectl: Kubectl, name: str) -> None:
    psql = ["exec", "-i", "-n=platform", "postgres-0", "--", "psql", "-qv", "ON_ERROR_STOP=1"]
    psql += ["-U", "postgres", "-h", "/run/postgresql"]
    kubectl(*psql, stdin=SQL.format(name=name))
    login = kubectl("get", "secret", "postgres-admin", "-n=platform", "-o=json")
    copied = json.loads(login) | {"metadata": {"name": name, "namespace": "platform"}}
    kubectl("create", "-f", "-", stdin=json.dumps(copied))
    # Connect reads the logins that it is allowed to, each by its name.
    role = ["--verb=get", "--resource=secrets", f"--resource-name={name}"]
    kubectl("create", "role", name, "-n=platform", *role)
    binding = [f"--role={name}", "--serviceaccount=platform:minishop-connect"]
    kubectl("create", "rolebinding", name, "-n=platform", *binding)
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
    # Kafka makes no topic by itself.
    topic = manifest("KafkaTopic", f"{name}.public.outbox", {"partitions": 1, "replicas": 1})
    kubectl("apply", "-f", "-", stdin=topic)
    try:
        kubectl("apply", "-f", "-", stdin=manifest("KafkaConnector", name, spec))
        wait(kubectl, "kafkaconnector", name)

        def running() -> bool:
            found = json.loads(kubectl("get", "kafkaconnector", name, "-n=platform", "-o=json"))
            tasks = found["status"]["connectorStatus"]["tasks"]
            return [task["state"] for task in tasks] == ["RUNNING"]

        eventually(running)
        # Gone from Connect by another's hand, it is made again; set otherwise, set right.
        inside(kubectl, f"{CONNECT} httpx.delete(connect + '/{name}').raise_for_status()")
        asked = f"{CONNECT} print(httpx.get(connect + '/{name}/config').text)"
        eventually(lambda: f'"topic.prefix":"{name}"' in inside(kubectl, asked))
        wrong = f"url = connect + '/{name}/config'; found = httpx.get(url).json();"
        wrong += "httpx.put(url, json=found | {'topic.prefix': 'wrong'}).raise_for_status()"
        inside(kubectl, f"{CONNECT} {wrong}")
        eventually(lambda: f'"topic.prefix":"{name}"' in inside(kubectl, asked))
        offsets = f"{CONNECT} print(httpx.get(connect + '/{name}/offsets').text)"
        row = "insert into outbox values (gen_random_uuid(), 'a', 'b', '{}');"
        kubectl(*psql, name, stdin=row)
        eventually(lambda: '"offset":' in inside(kubectl, offsets))
        reset = {"strimzi.io/connector-offsets": "reset"}
        patch = {"metadata": {"annotations": reset}, "spec": {"state": "stopped"}}
        words = ("--type=merge", "-p", json.dumps(patch))
        kubectl("patch", "kafkaconnector", name, "-n=platform", *words)
        annotations = "jsonpath={.metadata.annotations}"
        look = ("get", "kafkaconnector", name, "-n=platform", "-o", annotations)
        eventually(lambda: "connector-offsets" not in kubectl(*look))
        assert '"offsets":[]' in inside(kubectl, offsets)
        kubectl("delete", "kafkaconnector", name, "-n=platform")
        code = f"{CONNECT} print(httpx.get(connect).text)"
        eventually(lambda: name not in inside(kubectl, code))
    finally:
        kubectl("delete", "kafkaconnector", name, "-n=platform", "--ignore-not-found")
        kubectl("delete", "kafkatopic", f"{name}.public.outbox", "-n=platform")
        slots = f"select slot_name from pg_replication_slots where database = '{name}'"
        eventually(lambda: not kubectl(*psql, "-Atc", slots).strip())
        kubectl(*psql, "-c", f'drop database "{name}" with (force)')
