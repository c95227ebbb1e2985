"""`make bench-operator`: the figures of docs/operator.md, taken on a real API server.

The operator is the real `shop-operator run`, a process of its own. Beside its rate stands the raw
rate at which the same server takes creates from as many connections.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.conftest import ROOT, install, real_crds
from tests.integration.harm import HARM, SPEC
from tests.integration.test_restart import writes

from shop_cluster.control_plane import ControlPlane, control_plane
from shop_operator import connection
from shop_operator.children.access_secret import encode
from shop_operator.children.metadata import API_VERSION, Manifest
from shop_operator.cluster import ApiError, Cluster, NotFoundError
from shop_operator.kinds import CONFIG_MAP, DEPLOYMENT, LEASE, SECRET, SHOP_SERVICE, kind_of

CONNECTIONS = 8
RAW_CREATES = 2000


def main() -> int:
    """Print the figures; return 1 when one is worse than its goal."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--services", type=int, default=500)
    options.add_argument("--drifts", type=int, default=200)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, control_plane(Path(folder)) as plane:
        install(plane, [*real_crds(), ROOT / "crds" / "shopservice.yaml"])
        for namespace in ("shop", "platform", "minishop-system"):
            plane.kubectl("create", "namespace", namespace)
        os.environ["KUBECONFIG"] = str(plane.kubeconfig)
        return asyncio.run(_bench(plane, chosen.services, chosen.drifts))


async def _bench(plane: ControlPlane, services: int, drifts: int) -> int:
    async with Cluster(connection.login) as cluster:
        await cluster.apply(_admin_secret(), manager="platform")
        raw = await _raw_rate(cluster)
        failed = 0
        with _operator(plane, 18981) as first:
            used = _cpu(first.pid), _cpu(plane.api_server.pid)
            seconds, children = await _create(cluster, services)
            failed += _figure("children written", f"{seconds:.1f} s", seconds <= 60)
            _say(f"  {services} ShopServices, {children} children: {children / seconds:.0f}/s")
            cpu, server_cpu = _cpu(first.pid) - used[0], _cpu(plane.api_server.pid) - used[1]
            _say(f"  CPU for that: operator {cpu:.0f} s, API server {server_cpu:.0f} s")
            _say(f"  raw creates of the same API server: {raw:.0f}/s")
            memory = _peak_mib(first)
            failed += _figure("peak resident memory", f"{memory:.0f} MiB", memory <= 200)
            changes = [await _change(cluster, number) for number in range(20)]
            failed += _figure(
                "a change reflected, worst of 20", _ms(max(changes)), max(changes) <= 1
            )
            repairs = await _drift(cluster, drifts)
            worst = statistics.quantiles(repairs, n=100)[98]
            failed += _figure(f"drift repaired, p99 of {drifts}", _ms(worst), worst <= 2)
            _say(f"  p50 {_ms(statistics.median(repairs))}, worst {_ms(max(repairs))}")
        before = writes(plane)
        with _operator(plane, 18982) as second, _operator(plane, 18983) as third:
            await _holder(cluster)
            await asyncio.sleep(10)
            after = writes(plane)
            count = sum(after.values()) - sum(before.values())
            failed += _figure("writes after a restart", f"{count:.0f}", count == 0)
            taken = await _takeover(cluster, {second.pid: second, third.pid: third})
            failed += _figure("takeover after kill -9", f"{taken:.1f} s", taken <= 20)
    return 1 if failed else 0


async def _raw_rate(cluster: Cluster) -> float:
    async def create(number: int) -> None:
        name = f"raw-{number}"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        await cluster.create(CONFIG_MAP, "platform", body | {"data": {"text": "x" * 1000}})

    started = time.perf_counter()
    await _spread(create, range(RAW_CREATES))
    return RAW_CREATES / (time.perf_counter() - started)


async def _create(cluster: Cluster, count: int) -> tuple[float, int]:
    """Return the seconds until every service is as declared, and how many children there are."""
    version = (await cluster.list(SHOP_SERVICE, "shop"))["metadata"]["resourceVersion"]
    started = time.perf_counter()
    children: dict[str, int] = {}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_spread(lambda number: _declare(cluster, number), range(count)))
        # A watch, as asking again and again would slow down what is measured.
        async for _, body in cluster.watch(
            SHOP_SERVICE, "shop", version=version, labels="", seconds=1800
        ):
            if _synced(body):
                children[body["metadata"]["name"]] = len(body["status"]["children"])
            if len(children) == count:
                break
    return time.perf_counter() - started, sum(children.values())


async def _declare(cluster: Cluster, number: int, image: str = "minishop/bench:1") -> None:
    name = f"bench-{number}"
    events = {"publishes": [{"topic": f"{name}.events"}]}
    body = {
        "apiVersion": API_VERSION,
        "kind": "ShopService",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"image": image, **SPEC, "events": events},
    }
    await cluster.apply(body, manager="bench")


async def _change(cluster: Cluster, number: int) -> float:
    image = f"minishop/bench:{time.time_ns()}"
    started = time.perf_counter()
    await _declare(cluster, number, image)

    async def seen() -> bool:
        live = await cluster.get(DEPLOYMENT, "shop", f"bench-{number}")
        return bool(live["spec"]["template"]["spec"]["containers"][0]["image"] == image)

    await _until(seen)
    return time.perf_counter() - started


async def _drift(cluster: Cluster, tries: int) -> list[float]:
    body = await cluster.get(SHOP_SERVICE, "shop", "bench-0")
    children = body["status"]["children"]
    found = []
    for number in range(tries):
        child = children[number // 2 % len(children)]
        kind, namespace = kind_of(child), child.get("namespace", "shop")
        live = await cluster.get(kind, namespace, child["name"])
        if number % 2:
            harm = HARM[kind.kind]
            await cluster.merge(kind, namespace, child["name"], harm)
        else:
            await cluster.delete(kind, namespace, child["name"], uid=live["metadata"]["uid"])
        started = time.perf_counter()
        wanted = _essence(live)

        async def repaired(
            kind: Any = kind, at: Any = (namespace, child["name"]), wanted: Any = wanted
        ) -> bool:
            try:
                return bool(_essence(await cluster.get(kind, *at)) == wanted)
            except NotFoundError:
                return False

        await _until(repaired)
        found.append(time.perf_counter() - started)
    return found


async def _takeover(cluster: Cluster, processes: dict[int, "subprocess.Popen[bytes]"]) -> float:
    """Kill the holder in the midst of its work; return the seconds until another does the work."""
    holder = int((await _holder(cluster)).split("_")[1])
    await _spread(lambda number: _declare(cluster, number, "minishop/bench:last"), range(50))
    processes[holder].kill()
    started = time.perf_counter()

    async def done() -> bool:
        listed = (await cluster.list(DEPLOYMENT, "shop"))["items"]
        images = [d["spec"]["template"]["spec"]["containers"][0]["image"] for d in listed]
        return images.count("minishop/bench:last") == 50

    await _until(done, pause=0.2)
    return time.perf_counter() - started


async def _holder(cluster: Cluster) -> str:
    async def held() -> bool:
        try:
            lease = await cluster.get(LEASE, "minishop-system", "shop-operator")
        except (NotFoundError, ApiError):
            return False
        return bool(lease["spec"]["holderIdentity"])

    await _until(held, pause=0.2)
    lease = await cluster.get(LEASE, "minishop-system", "shop-operator")
    return str(lease["spec"]["holderIdentity"])


@contextmanager
def _operator(plane: ControlPlane, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    program = Path(sys.executable).with_name("shop-operator")
    environment = os.environ | {
        "MINISHOP_HTTP_PORT": str(port),
        "MINISHOP_EDGE": "gateway-api",
        "MINISHOP_LOG_LEVEL": "warning",
    }
    command = [str(program), "run", "--kubeconfig", str(plane.kubeconfig)]
    process = subprocess.Popen(command, env=environment)
    try:
        while not _answers(f"http://127.0.0.1:{port}/readyz"):
            if process.poll() is not None:
                raise SystemExit("the operator ended")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


async def _spread(work: Callable[[int], Awaitable[None]], numbers: Iterable[int]) -> None:
    """Do the work from a few connections at once."""
    left = iter(numbers)

    async def worker() -> None:
        for number in left:
            await work(number)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(CONNECTIONS):
            tasks.create_task(worker())


async def _until(reached: Callable[[], Awaitable[bool]], *, pause: float = 0.01) -> None:
    async with asyncio.timeout(120):
        while not await reached():
            await asyncio.sleep(pause)


def _synced(body: Manifest) -> bool:
    conditions = body.get("status", {}).get("conditions", ())
    return any(c["type"] == "Synced" and c["status"] == "True" for c in conditions)


def _essence(manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    spec = dict(manifest.get("spec", {}))
    for address in ("clusterIP", "clusterIPs"):
        spec.pop(address, None)
    rest = {n: manifest.get(n) for n in ("data", "config", "automountServiceAccountToken")}
    return {"labels": metadata.get("labels"), "spec": spec, **rest}


def _admin_secret() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": SECRET.kind,
        "metadata": {"name": "redis-auth", "namespace": "platform"},
        "data": {"username": encode("default"), "password": encode("bench")},
    }


def _peak_mib(process: "subprocess.Popen[bytes]") -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _cpu(pid: int) -> float:
    """Return the CPU seconds of a process: they say more than the clock on a busy machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _figure(name: str, value: str, good: bool) -> int:  # noqa: FBT001 - read where it is called
    _say(f"{'✔' if good else '✘'} {name}: {value}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
