"""The endpoints of the real program: /livez, /readyz and /metrics."""

import socket
from pathlib import Path

import aiohttp
from shop_servers.instance import free_port

from shop_cluster.control_plane import ControlPlane

from .program import operator_program
from .shop import Shop, eventually


def addresses() -> list[str]:
    """Return this machine's own addresses, as they stand in a URL: of IPv6 where it has that."""
    try:
        with socket.socket(socket.AF_INET6) as ours:
            ours.bind(("::1", 0))
    except OSError:
        return ["127.0.0.1"]
    return ["127.0.0.1", "[::1]"]


async def test_it_says_that_it_lives_leads_and_is_ready(
    shop: Shop, plane: ControlPlane, tmp_path: Path
) -> None:
    http, liveness = free_port(), free_port()
    ports = {"MINISHOP_HTTP_PORT": str(http), "MINISHOP_LIVENESS_PORT": str(liveness)}
    with operator_program(shop.platform, plane.kubeconfig, tmp_path / "log", **ports) as process:
        async with aiohttp.ClientSession() as session:

            async def answers(port: int, path: str, host: str = "127.0.0.1") -> str:
                try:
                    async with session.get(f"http://{host}:{port}{path}") as answer:
                        return await answer.text() if answer.ok else ""
                except aiohttp.ClientError:
                    return ""

            async def ready() -> bool:
                return bool(await answers(http, "/readyz"))

            async def leads() -> bool:
                return '"leader": true' in await answers(liveness, "/livez")

            await eventually(ready, seconds=60)
            await eventually(leads, seconds=60)
            for host in addresses():
                assert await answers(liveness, "/livez", host)
                assert await answers(http, "/readyz", host)
            kept = f'_namespace_state{{namespace="{shop.namespace}",state="Ready"}} 1.0'

            async def is_kept() -> bool:
                return kept in await answers(http, "/metrics")

            await eventually(is_kept)
        await shop.declare("alone")  # one watch of ShopServices is enough
        await shop.settled("alone")
        assert process.poll() is None
