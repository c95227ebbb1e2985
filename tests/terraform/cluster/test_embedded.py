"""The root `embedded` on an empty cluster: the shop sells, drift is repaired, data outlive it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from shop_journey.customer import SHOP
from shop_journey.golden import walk
from shop_journey.kubectl import Kubectl
from shop_journey.place import ROOT, here

from shop_cluster import opentofu
from shop_cluster.paths import ClusterPaths
from terraform.opentofu_cli import tofu

FOLDER = ROOT / "terraform" / "embedded"
CHANGED = 2  # what `plan -detailed-exitcode` says of a plan with changes
SHIPPING = ("shopservice", "shipping", "-n", "shop")


@pytest.fixture(scope="module")
def empty_cluster() -> Iterator[Kubectl]:
    """Return kubectl of a cluster that was made for this, with the images and nothing else."""
    place = here()
    if place.cluster != "embedded":
        pytest.skip("the root is the embedded cluster's")
    if ClusterPaths.of_this_machine().programs.exists():
        pytest.fail("a cluster runs, and this takes one of its own: `make down` first")
    try:
        shop_cluster("up", "--empty")
        shop_cluster("images")
        yield place.kubectl
    finally:
        shop_cluster("down")


def shop_cluster(*words: str) -> None:
    program = Path(sys.executable).with_name("shop-cluster")
    environment = {**os.environ, "SECRETS": "kubernetes"}
    subprocess.run([str(program), *words], check=True, env=environment)


def get(kubectl: Kubectl, *words: str) -> str:
    return asyncio.run(kubectl("get", *words))


def names(kubectl: Kubectl, *words: str) -> set[str]:
    return {each.partition("/")[2] for each in get(kubectl, *words, "-o", "name").split()}


def test_an_empty_cluster_sells_by_one_apply_and_keeps_its_data_when_that_is_destroyed(
    empty_cluster: Kubectl, tmp_path: Path
) -> None:
    kubectl = empty_cluster
    environment = {**opentofu.environment(), "TF_DATA_DIR": str(tmp_path), "TF_INPUT": "0"}
    access = f"config_path={ClusterPaths.of_this_machine().kubeconfig}"
    tofu(FOLDER, "init", "-reconfigure", f"-backend-config={access}", environment=environment)
    apply = ("apply", "-auto-approve")
    tofu(FOLDER, *apply, environment=environment)

    catalogue = ROOT / "manifests" / "seed" / "catalogue.ndjson"
    seed = [sys.executable, "-m", "shop_product.seed", "upload", str(catalogue)]
    subprocess.run(seed, check=True)
    hops = asyncio.run(walk(SHOP, Console()))  # raises where the order is not delivered
    assert hops

    plan = ("plan", "-detailed-exitcode", "-no-color")
    tofu(FOLDER, *plan, environment=environment)
    asyncio.run(kubectl("patch", *SHIPPING, "--type=merge", '--patch={"spec": {"replicas": 2}}'))
    told = tofu(FOLDER, *plan, environment=environment, ends_with=CHANGED)
    assert "0 to add, 1 to change, 0 to destroy" in told
    tofu(FOLDER, *apply, environment=environment)
    assert json.loads(get(kubectl, *SHIPPING, "-o", "json"))["spec"]["replicas"] == 1

    volumes = names(kubectl, "persistentvolumeclaims", "-n", "platform")
    assert volumes
    tofu(FOLDER, "destroy", "-auto-approve", environment=environment)
    for namespace in ("shop", "platform", "minishop-system"):
        assert names(kubectl, "shopservices,deployments,statefulsets", "-n", namespace) == set()
    assert names(kubectl, "persistentvolumeclaims", "-n", "platform") == volumes
    assert "shopservices.minishop.dev" in names(kubectl, "crds")
