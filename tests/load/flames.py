"""Flame graphs of the services under load, by py-spy: an SVG each."""

import asyncio
import sys
from pathlib import Path

from shop_journey.processes import PROC, pids_of

from load import order_load
from load.read_load import targets
from load.shop import SERVICES, Shop, say
from load.vegeta import attack

FOLDER = Path(".artefacts/flames")
SECONDS = 30
SAMPLES_A_SECOND = 50
READS_A_SECOND = 50
LISTS = "lists of 20 that differ"


async def flames(shop: Shop, rate: int) -> None:
    """Write each service's to FOLDER, taken while orders and reads of lists come.

    Raises SystemExit where py-spy fails, and where a service has not one pod.
    """
    await asyncio.to_thread(FOLDER.mkdir, parents=True, exist_ok=True)
    found = {service: await _process_of(shop, service) for service in SERVICES}
    asked = targets(shop, LISTS, READS_A_SECOND * SECONDS)
    await asyncio.gather(
        order_load.run(shop, rate=rate, seconds=SECONDS),
        asyncio.to_thread(attack, asked, rate=READS_A_SECOND, seconds=SECONDS),
        *(_record(pid, FOLDER / f"{service}.svg") for service, pid in found.items()),
    )
    say(f"\nFlame graphs of {len(found)} services, {SECONDS} s, are in {FOLDER}.")


async def _process_of(shop: Shop, service: str) -> int:
    """Return the process of the service's one pod: the Python one, not Vault's agent."""
    pids = await pids_of(shop.kubectl, "shop", f"app.kubernetes.io/name={service}")
    found = [pid for pid in pids if (PROC / str(pid) / "exe").readlink().name.startswith("python")]
    if len(found) != 1:
        raise SystemExit(f"{service}: {len(found)} Python processes, expected one")
    return found[0]


async def _record(pid: int, svg: Path) -> None:
    spy = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("py-spy")),
        "record",
        f"--pid={pid}",
        f"--output={svg}",
        f"--duration={SECONDS}",
        f"--rate={SAMPLES_A_SECOND}",
        "--function",
        "--gil",  # what waits in uvloop or for a queue is not idle to py-spy: only who has the lock
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await spy.communicate()
    if spy.returncode:
        raise SystemExit(f"py-spy of {svg.stem}: {said.decode().strip()}")
