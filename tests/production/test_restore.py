"""The drill: a shop full of orders loses every byte of its stores, and goes on from a backup."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from shop_journey.customer import SHOP, ask
from shop_journey.kubectl import Kubectl
from shop_journey.place import ROOT
from shop_journey.up import wait_until_ready

from chaos.load import Load, under_load
from oracle import TERMINAL, settled
from store_access import from_cluster

ORDERS_A_SECOND = 5
BACKUPS = 10
"""An order is on its way for 0.2 s: so many times one is looked for that was when the cut came."""
BEFORE_SECONDS, AFTER_SECONDS = 5.0, 5.0
SETTLE_SECONDS = 120.0
SHOP_CLUSTER = str(Path(sys.executable).with_name("shop-cluster"))
# What the disaster takes, where each store keeps it.
DATA = {
    "postgres": "/var/lib/postgresql/data",
    "mongodb": "/data/db",
    "redis": "/data",
    "minishop-kafka": "/var/lib/kafka",
    "rabbitmq": "/var/lib/rabbitmq",
}


async def shop_cluster(*words: str) -> str:
    """Call the command as its user does, and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        SHOP_CLUSTER,
        *words,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    print(err.decode())
    if process.returncode:
        raise RuntimeError(err.decode().splitlines()[-1])
    return out.decode().strip()


async def lose_everything(kubectl: Kubectl) -> None:
    """Delete all files of all stores under the running servers, and kill these."""
    for store, folder in DATA.items():
        pod = ("-n=platform", f"{store}-0")
        wipe = f"find {folder} -mindepth 1 -delete"
        there = f"--container={store.removeprefix('minishop-')}"
        # Servers that are quick write new files meanwhile: what was in them is gone all the same.
        await kubectl("exec", *pod, there, "--", "sh", "-c", f"{wipe} || true")
    pods = [f"{store}-0" for store in DATA]
    await kubectl("delete", "pod", *pods, "-n=platform", "--grace-period=0", "--force")


def bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def orders_in(dump: Path, kubectl: Kubectl) -> Counter[str]:
    """Return how many orders a dump has in each status."""
    words = ("exec", "-i", "-n=platform", "postgres-0", "--container=postgres", "--")
    # All of its input is to be read, or kubectl waits for ever.
    read = ("sh", "-c", "pg_restore --data-only --table=orders --file=- && cat >/dev/null")
    text = subprocess.run(
        kubectl.command(*words, *read),
        input=dump.read_bytes(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    lines = iter(text.splitlines())
    header = next(line for line in lines if line.startswith("COPY public.orders"))
    column = header.partition("(")[2].partition(")")[0].split(", ").index("status")
    found: Counter[str] = Counter()
    for line in lines:
        if line == "\\.":
            break
        found[line.split("\t")[column]] += 1
    return found


async def charged_twice(orders: set[str]) -> list[str]:
    """Return those of the orders of whose money the provider, who forgot nothing, has too much."""
    kept: Counter[str] = Counter()
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        for charge in (await ask(http, "GET", "/simulator/stripe/charges"))["items"]:
            if charge["status"] == "succeeded":
                kept[charge["metadata"]["order_id"]] += 1
    return [order for order in orders if kept[order] > 1]


async def test_a_shop_that_lost_its_stores_goes_on_from_a_backup(
    kubectl: Kubectl, tmp_path: Path
) -> None:
    load = Load()
    async with under_load(load, ORDERS_A_SECOND):
        await asyncio.sleep(BEFORE_SECONDS)
        for attempt in range(BACKUPS):
            promised = set(load.accepted)
            folder = Path(await shop_cluster("backup", str(tmp_path / str(attempt))))
            held = orders_in(folder / "postgres" / "order.dump", kubectl)
            if in_flight := sum(n for status, n in held.items() if status not in TERMINAL):
                break
        await asyncio.sleep(AFTER_SECONDS)
    # A backup is taken from a shop that sells, and keeps nobody from buying.
    assert not load.refused
    assert len(load.accepted) > len(promised) > 0
    assert in_flight > 0, "no order was on its way: the drill would prove nothing"

    with pytest.raises(RuntimeError, match=r"the stores have data .*--discard"):
        await shop_cluster("restore", str(folder))
    await lose_everything(kubectl)
    began = time.monotonic()
    await shop_cluster("restore", str(folder), "--discard")
    await wait_until_ready(kubectl, lambda _: None)
    away = time.monotonic() - began
    async with from_cluster(kubectl.kubeconfig) as stores:
        snapshot, found = await settled(stores, SETTLE_SECONDS)
    assert found == []
    status = {order.id: order.status for order in snapshot.orders}
    assert promised <= status.keys()
    assert await charged_twice(set(status)) == []
    assert len(status) == held.total()
    ended = Counter(status[id_] for id_ in promised)

    # And it sells again.
    after = Load()
    async with under_load(after, ORDERS_A_SECOND):
        await asyncio.sleep(AFTER_SECONDS)
    assert not after.refused
    async with from_cluster(kubectl.kubeconfig) as stores:
        snapshot, found = await settled(stores, SETTLE_SECONDS)
    assert found == []
    assert after.accepted <= {order.id for order in snapshot.orders}
    size = bytes_of(folder)
    print(
        f"{held.total()} orders in the backup, {in_flight} on their way; {len(promised)} promised"
        f" before it: {dict(ended)}; {size / 2**20:.1f} MiB; the shop was away {away:.0f} s"
    )
