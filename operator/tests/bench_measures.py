"""What `make bench-operator` does to an operator, and how long it takes."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import asyncpg

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.api.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    KAFKA_CONNECTOR,
    LEASE,
    SECRET,
    SHOP_SERVICE,
    Kind,
    kind_of,
)
from shop_operator.metadata import API_VERSION, Manifest

from .integration.harm import HARM, SPEC

CONNECTIONS = 8
RAW_CREATES = 2000
CAPTURED = "captured"
_COMPARED = ("data", "config", "rules", "subjects", "automountServiceAccountToken")


async def raw_rate(client: ApiClient) -> float:
    """Return how many plain objects a second the API server takes."""

    async def one(number: int) -> None:
        name = f"raw-{number}"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        await client.create(CONFIG_MAP, "platform", body | {"data": {"text": "x" * 1000}})

    started = time.perf_counter()
    await _spread(one, range(RAW_CREATES))
    return RAW_CREATES / (time.perf_counter() - started)


async def create(client: ApiClient, count: int) -> tuple[float, int]:
    """Return the seconds until every service is as declared, and how many children there are."""
    version = (await client.list(SHOP_SERVICE, "shop"))["metadata"]["resourceVersion"]
    started = time.perf_counter()
    children: dict[str, int] = {}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_spread(lambda number: _declare(client, number), range(count)))
        # A watch, as asking again and again would slow down what is measured.
        async for _, body in client.watch(
            SHOP_SERVICE, "shop", version=version, labels="", seconds=1800
        ):
            if _synced(body):
                children[body["metadata"]["name"]] = len(body["status"]["children"])
            if len(children) == count:
                break
    return time.perf_counter() - started, sum(children.values())


async def _declare(client: ApiClient, number: int, image: str = "minishop/bench:1") -> None:
    name = f"bench-{number}"
    events = {"publishes": [{"topic": f"{name}.events"}]}
    route = {**SPEC["route"], "paths": [f"/{name}"]}  # a path can be one service's only
    body = {
        "apiVersion": API_VERSION,
        "kind": "ShopService",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"image": image, **SPEC, "events": events, "route": route},
    }
    await client.apply(body, manager="bench")


async def change(client: ApiClient, number: int) -> float:
    """Change one service; return the seconds until its Deployment follows."""
    image = f"minishop/bench:{time.time_ns()}"
    started = time.perf_counter()
    await _declare(client, number, image)

    async def seen() -> bool:
        live = await client.get(DEPLOYMENT, "shop", f"bench-{number}")
        return bool(live["spec"]["template"]["spec"]["containers"][0]["image"] == image)

    await _until(seen)
    return time.perf_counter() - started


async def declare_captured(client: ApiClient, postgres: str) -> None:
    """Have one service with every kind of child: a database too, and an outbox that is read."""
    database = {"kind": "postgres", "name": "captured"}
    events = {"publishes": [{"topic": "captured.events"}], "outbox": {}}
    body = {
        "apiVersion": API_VERSION,
        "kind": "ShopService",
        "metadata": {"name": CAPTURED, "namespace": "shop"},
        "spec": {"image": "minishop/bench:1", **SPEC, "events": events, "database": database},
    }
    await client.apply(body, manager="bench")

    async def has(kind: Kind, namespace: str, name: str) -> bool:
        try:
            return bool(await client.get(kind, namespace, name))
        except NotFoundError:
            return False

    await _until(lambda: has(SECRET, "shop", f"{CAPTURED}-access"), pause=0.2)
    admin = await asyncpg.connect(postgres, database="captured")
    await admin.execute("SET ROLE captured")
    await admin.execute("CREATE TABLE outbox (id uuid PRIMARY KEY, time timestamptz)")
    await admin.close()
    await _until(lambda: has(KAFKA_CONNECTOR, "platform", f"{CAPTURED}-outbox"), pause=0.2)


async def drift(client: ApiClient, tries: int) -> list[float]:
    """Change and delete children by turns; return the seconds to repair each.

    First each child of the service that has every kind, then those of one bench service after the
    other: a field that is changed again and again is put right ever later (`apply/fights.py`).
    """
    captured = await _children(client, CAPTURED)
    found = []
    for number in range(tries):
        service = number - 2 * len(captured)
        children = captured if service < 0 else await _children(client, f"bench-{service}")
        child = children[number // 2 % len(children)]
        kind, namespace = kind_of(child), child.get("namespace", "shop")
        live = await client.get(kind, namespace, child["name"])
        if number % 2:
            harm = HARM[kind.kind]
            await client.merge(kind, namespace, child["name"], harm)
        else:
            await client.delete(kind, namespace, child["name"], uid=live["metadata"]["uid"])
        started = time.perf_counter()
        wanted = _essence(live)

        async def repaired(
            kind: Any = kind, at: Any = (namespace, child["name"]), wanted: Any = wanted
        ) -> bool:
            try:
                return bool(_essence(await client.get(kind, *at)) == wanted)
            except NotFoundError:
                return False

        await _until(repaired, why=f"{kind} {child['name']} is not repaired")
        found.append(time.perf_counter() - started)
    return found


async def _children(client: ApiClient, service: str) -> list[Manifest]:
    """Return the children in a status, without Secrets of nothing but passwords: made anew."""
    children = (await client.get(SHOP_SERVICE, "shop", service))["status"]["children"]
    login = SECRET.kind, f"{service}-outbox"
    return [child for child in children if (child["kind"], child["name"]) != login]


async def takeover(client: ApiClient, processes: dict[int, "subprocess.Popen[bytes]"]) -> float:
    """Kill the holder in the midst of its work; return the seconds until another does the work."""
    killed = int((await holder(client)).split("_")[1])
    await _spread(lambda number: _declare(client, number, "minishop/bench:last"), range(50))
    processes[killed].kill()
    started = time.perf_counter()

    async def done() -> bool:
        listed = (await client.list(DEPLOYMENT, "shop"))["items"]
        images = [d["spec"]["template"]["spec"]["containers"][0]["image"] for d in listed]
        return images.count("minishop/bench:last") == 50

    await _until(done, pause=0.2)
    return time.perf_counter() - started


async def holder(client: ApiClient) -> str:
    """Wait until the Lease is held; return by whom."""

    async def held() -> bool:
        try:
            lease = await client.get(LEASE, "minishop-system", "shop-operator")
        except (NotFoundError, ApiError):
            return False
        return bool(lease["spec"]["holderIdentity"])

    await _until(held, pause=0.2)
    lease = await client.get(LEASE, "minishop-system", "shop-operator")
    return str(lease["spec"]["holderIdentity"])


async def _spread(work: Callable[[int], Awaitable[None]], numbers: Iterable[int]) -> None:
    """Do the work from a few connections at once."""
    left = iter(numbers)

    async def worker() -> None:
        for number in left:
            await work(number)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CONNECTIONS):
            tasks.create_task(worker())


async def _until(
    reached: Callable[[], Awaitable[bool]], *, pause: float = 0.01, why: str = "it takes too long"
) -> None:
    end = time.monotonic() + 120
    while not await reached():
        if time.monotonic() > end:
            raise TimeoutError(why)
        await asyncio.sleep(pause)


def _synced(body: Manifest) -> bool:
    conditions = body.get("status", {}).get("conditions", ())
    return any(c["type"] == "Synced" and c["status"] == "True" for c in conditions)


def _essence(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    spec = dict(manifest.get("spec", {}))
    for address in ("clusterIP", "clusterIPs"):
        spec.pop(address, None)
    rest = {part: manifest.get(part) or {} for part in _COMPARED}
    if "database_url" in rest["data"]:
        rest["data"] = {**rest["data"], "database_url": "a lost password is made anew"}
    return {"labels": metadata.get("labels"), "spec": spec, **rest}
