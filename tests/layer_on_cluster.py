"""A layer on the embedded cluster: brought up and taken away for its tests, and what it leaves."""

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from shop_journey.kubectl import Kubectl
from shop_journey.place import here
from shop_journey.steps import command

from ready_shop import ready_shop


def kubectl_of_ready_shop() -> Kubectl:
    """Return kubectl of the embedded cluster once the shop on it is ready; skip on another."""
    if here().cluster != "embedded":
        pytest.skip("the layer is made for the embedded cluster")
    return ready_shop().kubectl


async def shop_cluster(layer: str, word: str) -> None:
    """Run the command of a layer's make targets: `shop-cluster LAYER up`, or `down`."""
    program = Path(sys.executable).with_name("shop-cluster")
    await command(str(program), layer, word, report=print)


async def names(kubectl: Kubectl, kinds: Iterable[str]) -> set[str]:
    """Return what there is of the kinds, in all namespaces."""
    found = set()
    for kind in kinds:
        options = ("--all-namespaces", "--output=name", "--ignore-not-found")
        listed = await kubectl("get", kind, *options)
        found |= {f"{kind} {line.partition('/')[2]}" for line in listed.splitlines()}
    return found
