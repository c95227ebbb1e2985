"""What is done to the shop: each fault takes something away and gives it back before it returns."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
from shop_journey import orders
from shop_journey.customer import SHOP, ask
from shop_journey.kubectl import Kubectl
from shop_journey.processes import pids_of

AWAY_SECONDS = 30
PLATFORM, SERVICES, SYSTEM = "platform", "shop", "minishop-system"
CONNECT = "deployment/minishop-connect"
CHARGES_GONE_WRONG = 10
SEARCH_LAG_SECONDS = 60
CANCEL_WITHIN_SECONDS = 20


class FaultError(Exception):
    """The fault could not be inflicted."""


@dataclass(frozen=True)
class Fault:
    """A fault by its name on the command line, and the customers who meet it.

    `weights` says how many of them are of which kind; those who cancel do so at some moment of the
    first `cancel_within` seconds.
    """

    name: str
    inflict: Callable[[Kubectl], Awaitable[None]]
    weights: Mapping[orders.Kind, int] = field(default_factory=lambda: orders.WEIGHTS)
    cancel_within: float = 0


async def all_faults(kubectl: Kubectl) -> list[Fault]:
    """Return every fault there is for the shop on this cluster."""
    running: Counter[tuple[str, str]] = Counter()
    for namespace in (SERVICES, PLATFORM, SYSTEM):
        running.update(
            (namespace, pod["metadata"]["labels"]["app.kubernetes.io/name"])
            for pod in (await kubectl.get("pods", "-n", namespace))["items"]
            if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
        )
    return [
        *(killed(namespace, name) for namespace, name in running),
        *(
            killed(namespace, name, one=True)
            for (namespace, name), pods in running.items()
            if pods > 1
        ),
        away("kafka-away", "statefulset/minishop-kafka"),
        away("connect-away", CONNECT),
        Fault("postgres-restarted", _restart_postgres),
        Fault("redis-flushed", _flush_redis),
        Fault("charged-then-timed-out", _provider_fault("timeout_after_charging")),
        Fault("charged-then-lost-search-lags", _lose_charges),
        Fault(
            "cancelled-while-a-charge-is-lost",
            _lose_charges,
            weights={orders.Kind.CANCELS: 1},
            cancel_within=CANCEL_WITHIN_SECONDS,
        ),
        Fault(
            "cancelled-while-paying",
            _nothing,
            weights={orders.Kind.CANCELS: 1},
            cancel_within=0.3,
        ),
        Fault("provider-refuses-our-key", _provider_fault("not_authorised", times=60)),
        Fault("provider-unreadable", _provider_fault("unreadable")),
        Fault("provider-charges-another-amount", _provider_fault("wrong_amount")),
    ]


def killed(namespace: str, name: str, *, one: bool = False) -> Fault:
    """`kill -9` of every process in the pods of that name, or in `one` of them."""

    async def inflict(kubectl: Kubectl) -> None:
        selector = f"app.kubernetes.io/name={name}"
        pids = await pids_of(kubectl, namespace, selector, most_pods=1 if one else None)
        if not pids:
            raise FaultError(f"no process of {name} runs on this machine")
        for pid in pids:
            # With a container's first process go the others.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    return Fault(f"kill-one-{name}" if one else f"kill-{name}", inflict)


def away(name: str, workload: str) -> Fault:
    """No pod of a workload in `platform` for AWAY_SECONDS."""

    async def inflict(kubectl: Kubectl) -> None:
        async with without(kubectl, workload):
            await asyncio.sleep(AWAY_SECONDS)

    return Fault(name, inflict)


@asynccontextmanager
async def without(kubectl: Kubectl, workload: str) -> AsyncIterator[None]:
    """Have no pod of a workload in `platform` meanwhile."""
    await kubectl("scale", "-n", PLATFORM, workload, "--replicas=0")
    try:
        yield
    finally:
        await kubectl("scale", "-n", PLATFORM, workload, "--replicas=1")
        await kubectl("rollout", "status", "-n", PLATFORM, workload, "--timeout=180s")


async def _restart_postgres(kubectl: Kubectl) -> None:
    await kubectl("rollout", "restart", "-n", PLATFORM, "statefulset/postgres")
    await kubectl("rollout", "status", "-n", PLATFORM, "statefulset/postgres", "--timeout=180s")


async def _flush_redis(kubectl: Kubectl) -> None:
    flush = 'REDISCLI_AUTH="$(cat /etc/minishop/secret/password)" valkey-cli FLUSHALL'
    await kubectl("exec", "-n", PLATFORM, "redis-0", "--", "sh", "-ec", flush)


async def _nothing(_: Kubectl) -> None:
    """Let the customers be the fault."""
    await asyncio.sleep(AWAY_SECONDS)


async def _order_fault(http: httpx.AsyncClient, fault: str, **more: float) -> None:
    await ask(http, "POST", "/simulator/faults/stripe", body={"fault": fault, **more})


def _provider_fault(
    fault: str, *, times: int = CHARGES_GONE_WRONG
) -> Callable[[Kubectl], Awaitable[None]]:
    """Return what lets the next calls of Stripe go wrong so, in the payment simulator."""

    async def inflict(_: Kubectl) -> None:
        async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
            await _order_fault(http, fault, times=times)

    return inflict


async def _lose_charges(_: Kubectl) -> None:
    """Let charges time out after charging, without webhooks, while Stripe's search lags.

    What was taken of those who cancel meanwhile must go back, once.
    """
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        await _order_fault(http, "search_lag", seconds=SEARCH_LAG_SECONDS)
        await _order_fault(http, "lost", times=CHARGES_GONE_WRONG)
        await asyncio.sleep(SEARCH_LAG_SECONDS)
        await ask(http, "DELETE", "/simulator/faults")
