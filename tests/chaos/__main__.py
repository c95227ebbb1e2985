"""`make chaos`: faults on the cluster under a steady load of orders, the oracle after each.

It prints the table of docs/benchmarks.md; its exit status is 1 if any fault left anything off.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass

from shop_journey.kubectl import Kubectl
from shop_journey.place import here
from shop_journey.steps import StepFailedError
from shop_journey.up import wait_until_ready

from chaos.faults import Fault, all_faults
from chaos.load import Load, under_load
from chaos.replicas import replicas
from oracle import settled
from store_access import from_cluster

BEFORE_SECONDS = AFTER_SECONDS = 5.0
SETTLE_SECONDS = 300.0


@dataclass(frozen=True)
class Outcome:
    """What a fault did: orders accepted and refused, seconds until all was settled, what is off."""

    fault: str
    accepted: int
    refused: Counter[str]
    ended: Counter[str]
    seconds: float
    off: list[str]

    def row(self) -> str:
        """Return it as a row of the table."""
        refused = ", ".join(f"{n} x {why}" for why, n in self.refused.most_common()) or "none"
        ended = ", ".join(f"{n} {status}" for status, n in self.ended.most_common()) or "none"
        verdict = "; ".join(self.off[:3]) or "clean"
        return (
            f"| {self.fault} | {self.accepted} | {refused} | {ended} "
            f"| {self.seconds:.1f} s | {verdict} |"
        )


async def suffer(kubectl: Kubectl, fault: Fault, rate: float) -> Outcome:
    """Inflict a fault under load, let everything settle and ask the oracle."""
    load = Load(weights=fault.weights, cancel_within=fault.cancel_within)
    async with under_load(load, rate):
        await asyncio.sleep(BEFORE_SECONDS)
        await fault.inflict(kubectl)
        over = time.monotonic()
        await asyncio.sleep(AFTER_SECONDS)
    await wait_until_ready(kubectl, lambda _: None)
    async with from_cluster(kubectl.kubeconfig) as stores:
        snapshot, found = await settled(stores, SETTLE_SECONDS)
    status = {order.id: order.status for order in snapshot.orders}
    lost = [f"accepted order {id_} does not exist" for id_ in load.accepted - status.keys()]
    return Outcome(
        fault.name,
        len(load.accepted),
        load.refused,
        Counter(status[id_] for id_ in load.accepted & status.keys()),
        time.monotonic() - over,
        [*lost, *map(str, found)],
    )


async def _main(asked: argparse.Namespace) -> int:
    kubectl = here().kubectl
    async with replicas(kubectl, asked.replicas):
        return await _faults(kubectl, asked)


async def _faults(kubectl: Kubectl, asked: argparse.Namespace) -> int:
    faults = await all_faults(kubectl)
    if asked.list:
        print("\n".join(fault.name for fault in faults))
        return 0
    unknown = set(asked.fault) - {fault.name for fault in faults}
    if unknown:
        print(f"no such fault: {', '.join(sorted(unknown))}; --list names them", file=sys.stderr)
        return 2
    print("| fault | accepted | refused | ended | all settled after | oracle |")
    print("|---|---|---|---|---|---|", flush=True)
    clean = True
    for fault in faults:
        if not asked.fault or fault.name in asked.fault:
            outcome = await suffer(kubectl, fault, asked.rate)
            print(outcome.row(), flush=True)
            clean = clean and not outcome.off
    return int(not clean)


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("fault", nargs="*", help="only these (default: all)")
    parser.add_argument("--list", action="store_true", help="name the faults and do nothing")
    parser.add_argument("--rate", type=float, default=2, help="orders a second (default 2)")
    parser.add_argument("--replicas", type=int, help="pods of each service (default: as they are)")
    try:
        sys.exit(asyncio.run(_main(parser.parse_args())))
    except StepFailedError as error:
        sys.exit(f"failed: {error}")


if __name__ == "__main__":
    main()
