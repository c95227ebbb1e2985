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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from shop_servers.redis import PASSWORD as REDIS_PASSWORD
from shop_servers.server_set import ServerSet

from shop_cluster.control_plane import ControlPlane, control_plane
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import SECRET
from shop_operator.children.access_secret import encode
from shop_operator.metadata import Manifest

from .bench_measures import change, create, declare_captured, drift, holder, raw_rate, takeover
from .integration.crds import ROOT, install, real_crds
from .integration.test_restart import writes


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
        stores = ServerSet(state=Path(folder) / "stores", owner=os.getpid())
        try:
            facts = stores.need("postgres", "redis")
            postgres = facts["postgres"]["url"]
            for store in facts:
                at = urlsplit(facts[store]["url"])
                variable = {"postgres": "POSTGRES_ADDRESS", "redis": "REDIS_ADMIN_ADDRESS"}[store]
                os.environ[f"MINISHOP_{variable}"] = f"{at.hostname}:{at.port}"
            return asyncio.run(_bench(plane, postgres, chosen.services, chosen.drifts))
        finally:
            stores.down()


async def _bench(plane: ControlPlane, postgres: str, services: int, drifts: int) -> int:
    _say(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
    async with ApiClient(connection.login) as client:
        at = urlsplit(postgres)
        await client.apply(_login("redis-auth", "default", REDIS_PASSWORD), manager="platform")
        admin = _login("postgres-admin", at.username or "", at.password or "")
        await client.apply(admin, manager="platform")
        raw = await raw_rate(client)
        failed = 0
        with _operator(plane, 18981) as first:
            used = _cpu(first.pid), _cpu(plane.api_server.pid)
            seconds, children = await create(client, services)
            failed += _figure("children written", f"{seconds:.1f} s", seconds <= 40)
            _say(f"  {services} ShopServices, {children} children: {children / seconds:.0f}/s")
            cpu, server_cpu = _cpu(first.pid) - used[0], _cpu(plane.api_server.pid) - used[1]
            _say(f"  CPU for that: operator {cpu:.0f} s, API server {server_cpu:.0f} s")
            _say(f"  raw creates of the same API server: {raw:.0f}/s")
            memory = _peak_mib(first)
            failed += _figure("peak resident memory", f"{memory:.0f} MiB", memory <= 150)
            changes = [await change(client, number) for number in range(20)]
            failed += _figure(
                "a change reflected, worst of 20", _ms(max(changes)), max(changes) <= 1
            )
            await declare_captured(client, postgres)
            repairs = await drift(client, drifts)
            worst = statistics.quantiles(repairs, n=100)[98]
            failed += _figure(f"drift repaired, p99 of {drifts}", _ms(worst), worst <= 0.2)
            _say(f"  p50 {_ms(statistics.median(repairs))}, worst {_ms(max(repairs))}")
        before = writes(plane)
        with _operator(plane, 18982) as second, _operator(plane, 18983) as third:
            await holder(client)
            await asyncio.sleep(10)
            after = writes(plane)
            count = sum(after.values()) - sum(before.values())
            failed += _figure("writes after a restart", f"{count:.0f}", count == 0)
            taken = await takeover(client, {second.pid: second, third.pid: third})
            failed += _figure("takeover after kill -9", f"{taken:.1f} s", taken <= 20)
    return 1 if failed else 0


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


def _login(name: str, username: str, password: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": SECRET.kind,
        "metadata": {"name": name, "namespace": "platform"},
        "data": {"username": encode(username), "password": encode(password)},
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
