"""CRD and operator of the version before are replaced by these, while orders come in."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from shop_journey.kubectl import APPLY, Kubectl
from shop_journey.place import ROOT
from shop_journey.up import apply_services, operator_manifests, wait_until_ready

from chaos.load import Load, under_load
from e2e import previous
from e2e.children import Child, children
from e2e.invariants import assert_invariants_hold
from e2e.outside import External, outside, recorded
from shop_cluster.secrets_provider import chosen_provider
from store_access import from_cluster

OPERATOR = "kustomize/base/operator"
IMAGE = "minishop/operator:0.1.0"
ORDERS_A_SECOND = 3
# Longer than it takes the operator to look at all services.
QUIET_SECONDS = 5


async def install(kubectl: Kubectl, root: Path, image: str, *, manifests: str = OPERATOR) -> None:
    """Install an operator, its CRD and its rights, and return when the shop is ready under it."""
    rendered = await kubectl("kustomize", str(root / manifests))
    assert IMAGE in rendered
    await kubectl(*APPLY, "-f=-", stdin=rendered.replace(IMAGE, image))
    rollout = ("rollout", "status", "deployment/shop-operator", "-n=minishop-system")
    await kubectl(*rollout, "--timeout=300s")
    await wait_until_ready(kubectl, print)
    await quiet(kubectl)


async def quiet(kubectl: Kubectl) -> dict[str, Child]:
    """Wait until the operator has written nothing for a while; return the children."""
    async with asyncio.timeout(120):
        before = await children(kubectl, "shop")
        while True:
            await asyncio.sleep(QUIET_SECONDS)
            now = await children(kubectl, "shop")
            if now == before:
                return now
            before = now


async def out_of_vault(kubectl: Kubectl) -> None:
    """Wait until nothing is kept in Vault: it goes with the last pod that logged in by it."""
    async with asyncio.timeout(120):
        while any(
            store == "vault" for made in (await recorded(kubectl)).values() for store, *_ in made
        ):
            await asyncio.sleep(1)


@dataclass(frozen=True)
class Before:
    """A shop under the operator of the version before."""

    children: dict[str, Child]
    outside: set[str]
    """What was in the stores and in the platform's namespace before that operator came."""
    recorded: dict[str, set[External]]
    """What each service had recorded then; that operator records nothing."""


@pytest.fixture
async def upgradable(kubectl: Kubectl) -> AsyncIterator[Before]:
    """Put the shop under the operator of the version before."""
    root = previous.source()
    image = previous.operator_image(root)
    try:
        # The version before keeps nothing in Vault.
        await apply_services(kubectl, "kubernetes", print)
        await wait_until_ready(kubectl, print)
        await out_of_vault(kubectl)
        await quiet(kubectl)
        made = await recorded(kubectl)
        async with from_cluster(kubectl.kubeconfig) as stores:
            before = await outside(kubectl, stores)
        await install(kubectl, root, image)
        found = await quiet(kubectl)
        assert not any((await recorded(kubectl)).values())
        yield Before(found, before, made)
    finally:
        await install(kubectl, ROOT, IMAGE, manifests=await operator_manifests(kubectl))
        # What the CRD of the version before does not know, it has removed.
        await apply_services(kubectl, chosen_provider(), print)
        await wait_until_ready(kubectl, print)


def rolled(name: str, before: dict[str, Child], after: dict[str, Child]) -> bool:
    """Return True for a pod that made way because its Deployment says something new.

    A service of the version before that has a cache or a queue gets a login of its own there.
    """
    kind, _, own = name.partition("/")
    deployment = f"Deployment/{own.rsplit('-', 2)[0]}"
    return kind == "Pod" and before[deployment].content != after[deployment].content


async def test_an_upgrade_is_not_noticed(kubectl: Kubectl, upgradable: Before) -> None:
    load = Load()
    async with under_load(load, ORDERS_A_SECOND):
        await install(kubectl, ROOT, IMAGE, manifests=await operator_manifests(kubectl))
    assert not load.refused
    assert load.accepted
    await assert_invariants_hold(kubectl)

    upgraded = await children(kubectl, "shop")
    for name, before in upgradable.children.items():
        if rolled(name, upgradable.children, upgraded):
            continue
        after = upgraded[name]
        assert after.uid == before.uid, f"{name} was made anew"
        if after.written != before.written:
            assert after.content != before.content, f"{name} was written without need"

    # What was made outside is recorded, by who is to release it; none of it came or went for good.
    assert await recorded(kubectl) == upgradable.recorded
    async with from_cluster(kubectl.kubeconfig) as stores:
        assert await outside(kubectl, stores) == upgradable.outside
