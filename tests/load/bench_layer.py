"""`make bench-observability`: what the layer that reads metrics, logs and traces costs.

It prints the memory of each of its programs, and the CPU that they take while nobody orders. For
what it does to an order's journey, `make bench ARGS="journey"` with the layer and without.
"""

import argparse
import asyncio
from dataclasses import dataclass

from shop_journey.kubectl import Kubectl
from shop_journey.place import here
from shop_journey.processes import memory, pids_of

from load.cpu import of_processes

PLACES = {"monitoring": "", "logging": "", "platform": "app.kubernetes.io/name=store-figures"}
"""By namespace which of its pods are the layer's: all where nothing is said."""


@dataclass(frozen=True)
class Part:
    """A pod of the layer and its processes."""

    name: str
    pids: tuple[int, ...]


async def parts(kubectl: Kubectl) -> list[Part]:
    """Return the layer's pods. Raises SystemExit where there are none."""
    found = []
    for namespace, chosen in PLACES.items():
        listed = await kubectl.get("pods", "-n", namespace, f"--selector={chosen}")
        for pod in listed["items"]:
            name = pod["metadata"]["name"]
            labels = pod["metadata"]["labels"]
            selector = ",".join(f"{key}={value}" for key, value in labels.items())
            found.append(Part(name, tuple(await pids_of(kubectl, namespace, selector))))
    if not found:
        raise SystemExit("there is no layer: run `make observability` first")
    return found


async def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for how long CPU is measured")
    seconds = parser.parse_args().seconds
    found = await parts(here().kubectl)
    before = {part: of_processes(part.pids) for part in found}
    await asyncio.sleep(seconds)
    print(f"| pod | memory | CPU over {seconds} s |\n|---|---|---|")
    sum_memory = sum_cpu = 0.0
    for part in found:
        cores = (of_processes(part.pids) - before[part]) / seconds
        held = memory(part.pids).pss
        print(f"| {part.name} | {held:.0f} MiB | {cores:.3f} cores |")
        sum_memory += held
        sum_cpu += cores
    print(f"| together | {sum_memory:.0f} MiB | {sum_cpu:.3f} cores |")


if __name__ == "__main__":
    asyncio.run(main())
