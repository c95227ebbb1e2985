"""Data of the versions before, under the stores' manifests as they are: nothing is lost."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import yaml

from shop_cluster.paths import ClusterPaths, checkout

Kubectl = Callable[..., str]
Manifest = dict[str, Any]
SECONDS = 240
USER, PASSWORD = "postgres", "of-the-administrator"
# PostgreSQL 15 as the shop had it: its own folder, user and settings.
OLD_POSTGRES = """
set -eu
programs=/usr/lib/postgresql/15/bin
data=/var/lib/postgresql/data/cluster
config=/etc/minishop/config
$programs/initdb --pgdata=$data --username=$(cat /etc/minishop/secret/username) \
    --pwfile=/etc/minishop/secret/password --auth-local=trust --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 --data-checksums
exec $programs/postgres -D $data -c config_file=$config/postgresql.conf \
    -c hba_file=$config/pg_hba.conf
"""
FILL = """
create role orders login password 'of orders';
comment on role orders is 'made by a test';
create database orders owner orders;
\\connect orders
create extension pg_trgm;
set role orders;
create table outbox (id bigint primary key, payload jsonb not null);
create index on outbox using gin ((payload ->> 'note') public.gin_trgm_ops);
insert into outbox
    select id, jsonb_build_object('note', 'event ' || id) from generate_series(1, 5000) id;
create publication orders_outbox for table outbox with (publish = 'insert');
reset role;
select pg_create_logical_replication_slot('orders_outbox', 'pgoutput');
insert into outbox values (5001, '{"note": "not read by its slot"}');
"""
# What is said when an upgrade can't be done, by the folder's PG_VERSION.
REFUSALS = """
cd /var/lib/postgresql/data
for version in 99 14; do
    rm -rf cluster && mkdir cluster && echo $version > cluster/PG_VERSION
    sh /etc/minishop/config/upgrade.sh && exit 9
    [ "$(cat cluster/PG_VERSION)" = $version ] || exit 9
done
mkdir cluster-15 && echo 15 > cluster/PG_VERSION
sh /etc/minishop/config/upgrade.sh && exit 9
exit 0
"""
# What RabbitMQ 3.10 left: its flags, and a file that stands for its data.
OLD_RABBITMQ = """
set -eu
base=/var/lib/rabbitmq/mnesia
mkdir -p $base/rabbit@localhost
echo '[classic_mirrored_queue_version,implicit_default_bindings,quorum_queue].' \
    > $base/rabbit@localhost-feature_flags
echo kept > $base/rabbit@localhost/old
cat > /var/lib/rabbitmq/definitions.json <<END
{"users": [{"name": "minishop", "tags": ["administrator"], "limits": {},
  "hashing_algorithm": "rabbit_password_hashing_sha256",
  "password_hash": "+IK2QHUcfXUjx5JILCU6ZB1qkCjABBZZn0XYfGxTdlI9T7Wa"}],
 "vhosts": [{"name": "/"}, {"name": "staging"}],
 "permissions": [{"user": "minishop", "vhost": "staging",
  "configure": ".*", "write": ".*", "read": ".*"}],
 "queues": [{"name": "reviews.work", "vhost": "staging",
  "durable": true, "auto_delete": false, "arguments": {}}],
 "exchanges": [], "bindings": [], "policies": [], "parameters": []}
END
"""

# Redis 7.0's append-only files, with a base of its own format: RDB 10, where Valkey 8 writes 80.
OLD_REDIS = r"""
set -eu
umask 077
mkdir /data/appendonlydir && cd /data/appendonlydir
printf 'REDIS0010\377\0\0\0\0\0\0\0\0' > appendonly.aof.1.base.rdb
printf '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$7\r\nsession\r\n$4\r\nkept\r\n' \
    > appendonly.aof.1.incr.aof
printf 'file appendonly.aof.1.%s seq 1 type %s\n' base.rdb b incr.aof i > appendonly.aof.manifest
"""


@pytest.fixture
def store(
    platform: ClusterPaths, kubectl: Kubectl, namespace: str
) -> Callable[[str], list[Manifest]]:
    """Return a store's manifests, for the test's own namespace, where its secret is now."""
    overlay = checkout() / "kustomize" / "overlays" / "embedded" / "kustomization.yaml"
    images = {
        each["name"]: f"{each['newName']}:{each['newTag']}"
        for each in yaml.safe_load(overlay.read_text())["images"]
    }

    def render(name: str) -> list[Manifest]:
        rendered = kubectl("kustomize", str(checkout() / "manifests" / "platform" / name))
        manifests = list(yaml.safe_load_all(rendered))
        stateful = next(each for each in manifests if each["kind"] == "StatefulSet")
        pod = stateful["spec"]["template"]["spec"]
        for container in (*pod.get("initContainers", []), *pod["containers"]):
            container["image"] = images[container["image"]]
        secret = next(v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v)
        login = {"username": USER, "password": PASSWORD}
        kubectl("create", "-n", namespace, "-f", "-", stdin=yaml.safe_dump({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "stringData": login,
        }))  # fmt: skip
        return manifests

    return render


def pod_before(manifests: Sequence[Manifest], script: str) -> list[Manifest]:
    """Return what a store's pod needs, and one that runs a script on the volume it will have."""
    [stateful] = (each for each in manifests if each["kind"] == "StatefulSet")
    spec = json.loads(json.dumps(stateful["spec"]["template"]["spec"]))
    [claim] = stateful["spec"]["volumeClaimTemplates"]
    name = f"{claim['metadata']['name']}-{stateful['metadata']['name']}-0"
    [container] = spec["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        container.pop(probe)
    container["command"] = ["sh", "-c", script]
    spec |= {"initContainers": [], "restartPolicy": "Never"}
    spec["volumes"].append({"name": "data", "persistentVolumeClaim": {"claimName": name}})
    claims = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": claim["spec"],
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "before"}, "spec": spec}
    return [*(each for each in manifests if each["kind"] == "ConfigMap"), claims, pod]


def eventually(check: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + SECONDS
    while not check():
        assert time.monotonic() < deadline, what()
        time.sleep(0.5)


def apply(kubectl: Kubectl, namespace: str, manifests: Sequence[Manifest]) -> None:
    text = yaml.safe_dump_all(manifests)
    kubectl("apply", "--server-side", "-n", namespace, "-f", "-", stdin=text)


def ended(kubectl: Kubectl, namespace: str) -> str:
    """Return what the pod before printed, once it has ended well."""
    phase = ("get", "pod", "before", "-n", namespace, "-o=jsonpath={.status.phase}")
    eventually(lambda: kubectl(*phase) in ("Succeeded", "Failed"), lambda: kubectl(*phase))
    said = kubectl("logs", "before", "-n", namespace)
    assert kubectl(*phase) == "Succeeded", said
    return said


def test_postgresql_15(
    kubectl: Kubectl, namespace: str, store: Callable[[str], list[Manifest]]
) -> None:
    manifests = store("postgres")
    apply(kubectl, namespace, pod_before(manifests, OLD_POSTGRES))

    def psql(pod: str, *words: str, stdin: str | None = None) -> str:
        login = ["psql", "-qAtv", "ON_ERROR_STOP=1", f"--username={USER}", "--host=/run/postgresql"]
        more = ["-i"] if stdin else []
        return kubectl("exec", *more, pod, "-n", namespace, "--", *login, *words, stdin=stdin)

    ready = ["exec", "before", "-n", namespace, "--", "sh", "-c", "pg_isready -q && echo yes || :"]
    running = ("get", "pod", "before", "-n", namespace, "-o=jsonpath={.status.phase}")
    eventually(lambda: kubectl(*running) == "Running", lambda: kubectl(*running))
    eventually(
        lambda: kubectl(*ready) == "yes\n", lambda: kubectl("logs", "before", "-n", namespace)
    )
    psql("before", stdin=FILL)
    before = psql("before", "-c", "show server_version_num", "-c", "select pg_current_wal_lsn()")
    version, position = before.split()
    assert version.startswith("15")
    # Its end is as after a power cut: what is upgraded is to be recovered first.
    stop = "/usr/lib/postgresql/15/bin/pg_ctl stop -m immediate -D /var/lib/postgresql/data/cluster"
    kubectl("exec", "before", "-n", namespace, "--", *stop.split(), "--no-wait")
    eventually(lambda: kubectl(*running) in ("Succeeded", "Failed"), lambda: kubectl(*running))
    kubectl("delete", "pod", "before", "-n", namespace)

    apply(kubectl, namespace, manifests)
    rollout = ("rollout", "status", "statefulset/postgres", "-n", namespace)
    kubectl(*rollout, f"--timeout={SECONDS}s")
    said = kubectl("logs", "postgres-0", "-n", namespace, "-c", "upgrade")
    assert "PostgreSQL 15 to 17: it was not stopped in order" in said
    assert said.endswith("PostgreSQL 15 to 17: done; the old data are kept as cluster-15\n")

    assert psql("postgres-0", "-c", "show server_version_num").startswith("17")
    orders = ("--dbname=postgresql://orders:of%20orders@127.0.0.1/orders",)
    login = ("exec", "postgres-0", "-n", namespace, "--", "psql", "-qAt", *orders)
    count = "select count(*), sum(id), max(payload ->> 'note') from outbox"
    assert kubectl(*login, "-c", count) == "5001|12507501|not read by its slot\n"
    found = psql(
        "postgres-0",
        "--dbname=orders",
        "-c", "select pubname, tablename from pg_publication_tables",
        "-c", "select shobj_description(oid, 'pg_authid') from pg_roles where rolname = 'orders'",
        "-c", "select extname from pg_extension where extname = 'pg_trgm'",
        # Debezium asks whether its position is one of this log's: it is, and lies behind.
        "-c", f"select pg_current_wal_lsn() > '{position}'",
        "-c", "select count(*) from pg_replication_slots",
        "-c", "select reltuples from pg_class where relname = 'outbox'",
    )  # fmt: skip
    assert found.splitlines() == [
        "orders_outbox|outbox",
        "made by a test",
        "pg_trgm",
        "t",
        "0",
        "5001",
    ]

    # Started once more, there is nothing to upgrade.
    kubectl("delete", "pod", "postgres-0", "-n", namespace)
    kubectl(*rollout, f"--timeout={SECONDS}s")
    assert kubectl("logs", "postgres-0", "-n", namespace, "-c", "upgrade") == ""
    assert kubectl(*login, "-c", "select count(*) from outbox") == "5001\n"


def test_what_postgresql_cannot_upgrade_is_left_and_said(
    kubectl: Kubectl, namespace: str, store: Callable[[str], list[Manifest]]
) -> None:
    apply(kubectl, namespace, pod_before(store("postgres"), REFUSALS))
    newer, older, twice = ended(kubectl, namespace).splitlines()
    assert newer.startswith("the data are of PostgreSQL 99, and this is PostgreSQL 17, which can't")
    assert older.startswith("the data are of PostgreSQL 14, which this image has no programs of")
    assert "cluster-15 is there from an upgrade before" in twice
    assert all(
        line.endswith("nothing was changed. See docs/upgrading.md")
        for line in (newer, older, twice)
    )


def test_rabbitmq_3(
    kubectl: Kubectl, namespace: str, store: Callable[[str], list[Manifest]]
) -> None:
    manifests = store("rabbitmq")
    apply(kubectl, namespace, pod_before(manifests, OLD_RABBITMQ))
    ended(kubectl, namespace)
    kubectl("delete", "pod", "before", "-n", namespace)

    apply(kubectl, namespace, manifests)
    rollout = ("rollout", "status", "statefulset/rabbitmq", "-n", namespace)
    kubectl(*rollout, f"--timeout={SECONDS}s")
    said = kubectl("logs", "rabbitmq-0", "-n", namespace, "-c", "upgrade")
    assert "the old data are kept as mnesia-before-4" in said
    inside = ("exec", "rabbitmq-0", "-n", namespace, "-c", "rabbitmq", "--")
    assert (
        kubectl(*inside, "cat", "/var/lib/rabbitmq/mnesia-before-4/rabbit@localhost/old")
        == "kept\n"
    )
    queues = kubectl(
        *inside, "rabbitmqctl", "-q", "--vhost=staging", "--no-table-headers", "list_queues", "name"
    )
    assert queues == "reviews.work\n"
    users = kubectl(*inside, "rabbitmqctl", "-q", "--no-table-headers", "list_users")
    assert users.split() == ["minishop", "[administrator]"]

    # Started once more: what came since stays, and what was exported is not loaded again.
    kubectl(*inside, "rabbitmqctl", "-q", "delete_vhost", "staging")
    kubectl("delete", "pod", "rabbitmq-0", "-n", namespace)
    kubectl(*rollout, f"--timeout={SECONDS}s")
    assert kubectl("logs", "rabbitmq-0", "-n", namespace, "-c", "upgrade") == ""
    hosts = kubectl(*inside, "rabbitmqctl", "-q", "--no-table-headers", "list_vhosts", "name")
    assert hosts == "/\n"


def test_redis_7(kubectl: Kubectl, namespace: str, store: Callable[[str], list[Manifest]]) -> None:
    manifests = store("redis")
    apply(kubectl, namespace, pod_before(manifests, OLD_REDIS))
    ended(kubectl, namespace)
    kubectl("delete", "pod", "before", "-n", namespace)

    apply(kubectl, namespace, manifests)
    kubectl("rollout", "status", "statefulset/redis", "-n", namespace, f"--timeout={SECONDS}s")
    ask = 'REDISCLI_AUTH="$(cat /etc/minishop/secret/password)" valkey-cli GET session'
    assert kubectl("exec", "redis-0", "-n", namespace, "--", "sh", "-c", ask) == "kept\n"
