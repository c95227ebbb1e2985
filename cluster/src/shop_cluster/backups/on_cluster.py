"""Backups of a cluster's own stores, and the way back: stop, empty, load, go on."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from shop_cluster.backups import catalogue, stores
from shop_cluster.backups.cut import Client
from shop_cluster.backups.postgres_server import PostgresServer
from shop_cluster.errors import ClusterError
from shop_cluster.platform import wait
from shop_cluster.port_forward import forwarded
from shop_cluster.shell import run

_PLATFORM: Final = "--namespace=platform"
_STORES: Final = ("postgres", "mongodb", "redis", "rabbitmq", "minishop-kafka")
"""StatefulSets of one pod, which a restore begins anew; only the first two are filled again."""
_BEFORE: Final = "minishop.dev/replicas-before-restore"
_USES: Final = frozenset({"database", "cache", "queue", "events"})
"""By one of these a ShopService's pods have to do with a store."""
_SECONDS: Final = 180
# `kubectl exec` waits for ever to write to a program that ended before it had read all.
_DRAINED: Final = ("sh", "-c", '"$0" "$@"; ended=$?; cat >/dev/null; exit "$ended"')
_LOGIN_SECONDS: Final = 60
# Neither its owner nor a role that acts as the owner has a password.
_NO_LOGIN: Final = """
    SELECT datname FROM pg_database d WHERE datname = ANY($1) AND NOT EXISTS (
        SELECT 1 FROM pg_authid r WHERE r.rolcanlogin AND r.rolpassword IS NOT NULL
        AND (r.oid = datdba OR EXISTS (
            SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid AND m.roleid = datdba)))
"""


async def back_up(kubectl: Sequence[str], parent: Path, *, report: stores.Report) -> Path:
    """Back the cluster's stores up; return the new folder in `parent`. Raises ClusterError."""
    async with _reached(kubectl) as (postgres, mongodb):
        return await stores.back_up(postgres, mongodb, parent, report=report)


async def restore(
    kubectl: Sequence[str], folder: Path, *, discard: bool, report: stores.Report
) -> None:
    """Put the stores back to a backup's cut, and let the shop go on from there.

    Without `discard`, only where the stores have no databases. Interrupted, it is run again, with
    `discard`: what was there before is gone then.

    Raises:
        ClusterError: the backup is damaged, there are data to be discarded, something did not
            stop or start in time.

    """
    held = catalogue.read(folder)
    if not discard:
        async with _reached(kubectl) as (postgres, mongodb):
            if standing := await stores.there(postgres, mongodb):
                raise ClusterError(
                    f"the stores have data ({', '.join(standing)}), which a restore takes away:"
                    " say so with --discard"
                )
    users, flux = list(_users(kubectl)), list(_flux(kubectl))
    report(f"stopping the operator, Kafka Connect and {len(users) - 2} services")
    _stop(kubectl, users, flux)
    report(f"emptying {', '.join(_STORES)}")
    _empty(kubectl, report)
    operator, *others = users
    async with _reached(kubectl) as (postgres, mongodb):
        await stores.load(postgres, mongodb, held, folder, report=report)
        report("starting the operator, which gives the logins their passwords")
        _start(kubectl, [operator])
        # A pod that is refused waits longer before each further try.
        if late := await _without_logins(postgres, mongodb, held):
            report(f"nobody can log in to these yet: {', '.join(late)}")
    report("starting Kafka Connect and the services")
    _start(kubectl, [*others, *flux])
    report(f"the stores are as they were at {held.at.isoformat()}")


@asynccontextmanager
async def _reached(kubectl: Sequence[str]) -> AsyncIterator[tuple[PostgresServer, Client]]:
    inside = (*kubectl, _PLATFORM)
    user, password = _login(kubectl, "postgres-admin")
    root, root_password = _login(kubectl, "mongodb-admin")
    async with (
        forwarded(inside, "postgres", 5432) as sql,
        forwarded(inside, "mongodb", 27017) as documents,
        Client(
            "127.0.0.1",
            documents,
            username=root,
            password=root_password,
            directConnection=True,
            serverSelectionTimeoutMS=30_000,
        ) as mongodb,
    ):
        postgres = PostgresServer(
            url=f"postgresql://{user}:{password}@127.0.0.1:{sql}",
            programs=(*inside, "exec", "-i", "postgres-0", "--container=postgres", "--", *_DRAINED),
            options=("--host=/run/postgresql", f"--username={user}"),
        )
        yield postgres, mongodb


def _login(kubectl: Sequence[str], secret: str) -> tuple[str, str]:
    data = json.loads(run(*kubectl, _PLATFORM, "get", "secret", secret, "-o=json"))["data"]
    user, password = (base64.b64decode(data[key]).decode() for key in ("username", "password"))
    return user, password


def _users(kubectl: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the Deployments that use the stores: operator and Connect first."""
    for name, namespace in (("shop-operator", "minishop-system"), ("minishop-connect", "platform")):
        yield _get(kubectl, "deployment", name, f"--namespace={namespace}")
    for service in _get(kubectl, "shopservices", "--all-namespaces")["items"]:
        if _USES & service["spec"].keys():
            name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
            found = _get(
                kubectl,
                "deployments",
                f"--namespace={namespace}",
                f"--selector=app.kubernetes.io/managed-by=shop-operator,minishop.dev/service={name}",
            )
            yield from found["items"]


def _flux(kubectl: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the Deployment that applies what Git says, where Flux keeps the shop."""
    named = ("get", "deployment", "kustomize-controller", "--namespace=flux-system")
    if found := run(*kubectl, *named, "--ignore-not-found", "-o=json"):
        yield json.loads(found)


def _stop(
    kubectl: Sequence[str],
    users: Sequence[Mapping[str, Any]],
    flux: Sequence[Mapping[str, Any]],
) -> None:
    operator, *others = users
    # In this order, and each whole: it would start again what it sees stopped.
    for each in (flux, [operator], others):
        _scale_to_none(kubectl, each)


def _scale_to_none(kubectl: Sequence[str], deployments: Sequence[Mapping[str, Any]]) -> None:
    for deployment in deployments:
        name, namespace = _names(deployment)
        if count := deployment["spec"]["replicas"]:
            # None there were in a restore that was interrupted, and this is its second run.
            note = f"{_BEFORE}={count}"
            run(*kubectl, "annotate", "deployment", name, namespace, note, "--overwrite")
        run(*kubectl, "scale", "deployment", name, namespace, "--replicas=0")
    for deployment in deployments:
        labels = deployment["spec"]["selector"]["matchLabels"].items()
        selector = ",".join(f"{key}={value}" for key, value in labels)
        _, namespace = _names(deployment)
        gone = ("wait", "--for=delete", "pods", namespace, f"--selector={selector}")
        run(*kubectl, *gone, f"--timeout={_SECONDS}s")


def _empty(kubectl: Sequence[str], report: stores.Report) -> None:
    began = [_get(kubectl, "statefulset", name, _PLATFORM) for name in _STORES]
    run(*kubectl, "scale", "statefulset", *_STORES, _PLATFORM, "--replicas=0")
    claims = [f"pvc/data-{name}-0" for name in _STORES]
    pods = [f"pod/{name}-0" for name in _STORES]
    run(*kubectl, "wait", "--for=delete", *pods, _PLATFORM, f"--timeout={_SECONDS}s")
    run(*kubectl, "delete", *claims, _PLATFORM, "--ignore-not-found", f"--timeout={_SECONDS}s")
    run(*kubectl, "scale", "statefulset", *_STORES, _PLATFORM, "--replicas=1")
    wait(kubectl, began, report)


def _start(kubectl: Sequence[str], users: Sequence[Mapping[str, Any]]) -> None:
    for deployment in users:
        name, namespace = _names(deployment)
        live = _get(kubectl, "deployment", name, namespace)
        before = live["metadata"].get("annotations", {}).get(_BEFORE)
        if before is not None:
            # Not after the operator has done it by itself, or an autoscaler.
            if not live["spec"]["replicas"]:
                run(*kubectl, "scale", "deployment", name, namespace, f"--replicas={before}")
            run(*kubectl, "annotate", "deployment", name, namespace, f"{_BEFORE}-")
    deadline = time.monotonic() + _SECONDS
    while late := [
        name
        for name, namespace in map(_names, users)
        if not _get(kubectl, "deployment", name, namespace).get("status", {}).get("readyReplicas")
    ]:
        if time.monotonic() > deadline:
            raise ClusterError(f"the data are back, and not ready again yet: {', '.join(late)}")
        time.sleep(1)


async def _without_logins(
    postgres: PostgresServer, mongodb: Client, held: catalogue.Catalogue
) -> list[str]:
    """Return the databases without a login a minute after the operator has started, if any."""
    deadline = time.monotonic() + _LOGIN_SECONDS
    connection = await postgres.connect()
    try:
        while True:
            found = await connection.fetch(_NO_LOGIN, [*held.postgres])
            users = {name: await mongodb[name].command("usersInfo") for name in held.mongodb}
            late = [row["datname"] for row in found]
            late += [name for name, known in users.items() if not known["users"]]
            if not late or time.monotonic() > deadline:
                return late
            await asyncio.sleep(1)
    finally:
        await connection.close()


def _names(deployment: Mapping[str, Any]) -> tuple[str, str]:
    metadata = deployment["metadata"]
    return metadata["name"], f"--namespace={metadata['namespace']}"


def _get(kubectl: Sequence[str], *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*kubectl, "get", *words, "-o=json"))
    return found
