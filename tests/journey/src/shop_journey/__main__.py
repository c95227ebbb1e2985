"""The command line: `python -m shop_journey up | order | walk | dev | gitops-push | …`."""

import argparse
import asyncio
import math
import os
import sys
from contextlib import AsyncExitStack, suppress

import httpx
from rich.console import Console

from shop_cluster.errors import ClusterError
from shop_cluster.layers import check
from shop_cluster.secrets_provider import chosen_provider
from shop_journey import development, gitops, golden, orders
from shop_journey.customer import SHOP, RefusedError, register
from shop_journey.git_server import GitServer
from shop_journey.place import ROOT, here
from shop_journey.steps import StepFailedError, View, run
from shop_journey.up import LAYERS, steps

# More, each looked after until it ends, and a customer meets the gateway's limit of requests.
ORDERS_OF_ONE = 20


async def _up(console: Console, asked: argparse.Namespace) -> int:
    place = here()
    # A wrong word is told before anything is done.
    chosen_provider()
    for layer in asked.layers:
        check(layer)
    todo = steps(place, layers=asked.layers)
    await run(todo, View([step.name for step in todo], console))
    if asked.walk:
        await golden.walk(asked.shop, console)
    return 0


async def _gitops_push(console: Console, asked: argparse.Namespace) -> int:
    kubectl = here().kubectl
    if not await gitops.is_installed(kubectl):
        raise StepFailedError("no Git server is on this cluster", "make up WITH=gitops")
    commit = await GitServer(kubectl).commit_checkout("The manifests of a checkout")
    console.print(f"Git in the cluster is at {commit}", highlight=False)
    await gitops.wait_until_applied(kubectl, lambda news: console.print(news, highlight=False))
    return 0


async def _gitops_down(console: Console, asked: argparse.Namespace) -> int:
    await gitops.remove(here(), lambda news: console.print(news, highlight=False))
    return 0


async def _dev(console: Console, asked: argparse.Namespace) -> int:
    command, environment = await development.tilt_command(here(), asked.words)
    os.chdir(ROOT)
    os.execve(command[0], command, environment)


async def _dev_down(console: Console, asked: argparse.Namespace) -> int:
    await development.put_back(here(), lambda news: console.print(news, highlight=False))
    return 0


async def _walk(console: Console, asked: argparse.Namespace) -> int:
    await golden.walk(asked.shop, console)
    return 0


async def _order(console: Console, asked: argparse.Namespace) -> int:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=asked.shop, timeout=30))
            for _ in range(math.ceil(asked.n / ORDERS_OF_ONE))
        ]
        customers = [await register(http) for http in clients]
        placed, refused = await orders.many(customers, count=asked.n, rate=asked.rate)
    for (kind, status), count in sorted(orders.outcomes(placed).items()):
        console.print(f"{count:5}  {kind:<9} → {status}", highlight=False)
    for reason, count in refused.most_common():
        console.print(f"{count:5}  refused: {reason}", highlight=False)
    took = [order.seconds for order in placed if order.status == "delivered"]
    console.print(
        f"delivered: p50 {orders.percentile(took, 0.5) * 1000:.0f} ms, "
        f"p99 {orders.percentile(took, 0.99) * 1000:.0f} ms, from placed to delivered"
    )
    return int(bool(refused))


def _at_least_one(word: str) -> int:
    if not word.isdecimal() or (number := int(word)) < 1:
        raise argparse.ArgumentTypeError(f"{word}: it is a whole number, 1 or more")
    return number


def _rate(word: str) -> float:
    with suppress(ValueError):
        rate = float(word)
        if math.isfinite(rate) and rate > 0:
            return rate
    raise argparse.ArgumentTypeError(f"{word}: it is a number, more than 0")


def main() -> int:
    """Do what was asked; return 1 with the reason when it could not be done, 2 if not begun."""
    parser = argparse.ArgumentParser(prog="shop_journey", description=__doc__)
    parser.add_argument("--shop", default=SHOP, help="the shop's URL")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    rise = commands.add_parser("up", help="bring the shop up, and walk through it")
    rise.add_argument(
        "--with", dest="layers", action="append", choices=LAYERS, default=[], help="a layer too"
    )
    rise.add_argument("--no-walk", dest="walk", action="store_false", help="bring it up only")
    rise.set_defaults(do=_up)
    push = commands.add_parser("gitops-push", help="commit the checkout's manifests for Flux")
    push.set_defaults(do=_gitops_push)
    away = commands.add_parser("gitops-down", help="take Flux and its Git server away")
    away.set_defaults(do=_gitops_down)
    dev = commands.add_parser("dev", help="Tilt on the shop that is up")
    dev.add_argument("words", nargs=argparse.REMAINDER, help="up (default) or ci, and its flags")
    dev.set_defaults(do=_dev)
    commands.add_parser("dev-down", help="as before Tilt").set_defaults(do=_dev_down)
    commands.add_parser("walk", help="one customer's order").set_defaults(do=_walk)
    order = commands.add_parser("order", help="many orders of mixed outcomes")
    order.add_argument("-n", type=_at_least_one, default=50, help="how many")
    order.add_argument("--rate", type=_rate, default=10, help="orders a second")
    order.set_defaults(do=_order)
    asked = parser.parse_args()
    console = Console()
    try:
        return int(asyncio.run(asked.do(console, asked)))
    except StepFailedError as error:
        console.print(f"failed: {error}", style="red", markup=False, highlight=False)
        if error.look:
            console.print(f"look at: {error.look}", markup=False, highlight=False)
    except ClusterError as error:
        console.print(f"failed: {error}", style="red", markup=False, highlight=False)
    except httpx.ConnectError:
        reason = f"no shop answers at {asked.shop}: run `make up` first"
        console.print(f"failed: {reason}", style="red", markup=False, highlight=False)
        return 2
    except (LookupError, RefusedError, TimeoutError, httpx.TransportError) as error:
        reason = str(error) or type(error).__name__
        console.print(f"failed: {reason}", style="red", markup=False, highlight=False)
        console.print("look at: make status, make logs S=gateway", highlight=False)
    except KeyboardInterrupt:
        console.print("interrupted: run it again, it goes on from here")
    return 1


if __name__ == "__main__":
    sys.exit(main())
