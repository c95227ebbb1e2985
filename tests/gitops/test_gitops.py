"""What Git says is what runs: commits, changes by hand, what leaves Git, and what is bad."""

import copy
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from shop_journey import gitops
from shop_journey.customer import SHOP
from shop_journey.git_server import GitServer
from shop_journey.kubectl import Kubectl
from shop_journey.place import Place
from shop_journey.readiness import unready

from gitops.repository import NAME, NAMESPACE, Repository, compare_with_git, until
from shop_cluster.flux_entry import KUSTOMIZATIONS

# From a push to what the operator makes of it: Git is polled every 5 s.
LIVE_SECONDS = 20
# The services are compared with Git every 30 s, and 30 s after the last comparison has ended.
RESTORED_SECONDS = 90


async def test_a_commit_that_scales_a_service_is_live_in_seconds(
    repository: Repository, guestbook: dict[str, Any]
) -> None:
    scaled = copy.deepcopy(guestbook)
    scaled["spec"]["replicas"] = guestbook["spec"]["replicas"] + 1
    repository.write(scaled)
    pushed = await repository.commit("One more pod")
    began = time.monotonic()

    async def is_scaled() -> bool:
        found = await repository.kubectl.get("deployment", NAME, "-n", NAMESPACE)
        return bool(found["spec"]["replicas"] == scaled["spec"]["replicas"])

    await until(is_scaled, seconds=LIVE_SECONDS)
    print(f"live {time.monotonic() - began:.1f} s after the push")
    await repository.applied()
    status = (await repository.kustomization())["status"]
    assert status["lastAppliedRevision"] == f"main@sha1:{pushed}"


async def test_what_is_changed_by_hand_is_restored(
    repository: Repository, guestbook: dict[str, Any]
) -> None:
    wanted = guestbook["spec"]["replicas"]
    await repository.kubectl(
        "scale", "shopservice", NAME, "-n", NAMESPACE, f"--replicas={wanted + 1}"
    )

    async def is_restored() -> bool:
        return bool((await repository.service())["spec"]["replicas"] == wanted)

    assert not await is_restored()
    await until(is_restored, seconds=RESTORED_SECONDS)


async def test_a_field_that_is_wrong_is_refused_and_all_goes_on(
    repository: Repository, guestbook: dict[str, Any]
) -> None:
    before = (await repository.kustomization())["status"]["lastAppliedRevision"]
    entry = await repository.sign("before the bad commit")
    wrong = copy.deepcopy(guestbook)
    wrong["spec"]["replicas"] = "as many as it takes"
    repository.write(wrong)
    commit = await repository.commit("A number that is none")
    said = await repository.refused(commit, seconds=LIVE_SECONDS)
    assert f"ShopService/{NAMESPACE}/{NAME}" in said
    assert "spec.replicas" in said
    assert (await repository.kustomization())["status"]["lastAppliedRevision"] == before
    assert not unready([await repository.service()])
    assert entry in await repository.entries()


async def test_an_image_that_nobody_built_fails_health_and_the_old_pods_serve_on(
    repository: Repository, guestbook: dict[str, Any]
) -> None:
    entry = await repository.sign("before the image that is none")
    wrong = copy.deepcopy(guestbook)
    wrong["spec"]["image"] = "localhost:1/never/built:1"
    repository.write(wrong)
    commit = await repository.commit("An image that nobody built")
    said = await repository.refused(commit, seconds=120)
    assert f"ShopService/{NAMESPACE}/{NAME}" in said
    assert entry in await repository.entries()


async def test_a_service_that_leaves_git_leaves_the_cluster_and_its_data_stay(
    repository: Repository, guestbook: dict[str, Any]
) -> None:
    entry = await repository.sign("I was here")
    repository.file.unlink()
    # Git has no empty folders, and Flux wants one to look in.
    (repository.file.parent / "README.md").write_text("No services any more.\n")
    await repository.commit("No guestbook any more")

    async def is_gone() -> bool:
        named = (NAME, "-n", NAMESPACE, "--ignore-not-found", "-o=name")
        return not await repository.kubectl("get", "shopservice,deployment", *named)

    await until(is_gone, seconds=120)
    repository.write(guestbook)
    await repository.commit("The guestbook again")
    await repository.applied()
    assert entry in await repository.entries()


async def test_a_service_that_is_paused_by_hand_stays_so(
    repository: Repository, kubectl_shop: Callable[..., Awaitable[None]]
) -> None:
    await kubectl_shop("pause", NAME)
    try:
        await compare_with_git(repository.kubectl, NAMESPACE)
        assert (await repository.service())["spec"]["managementPolicy"] == "Paused"
    finally:
        await kubectl_shop("resume", NAME)
    await repository.applied()


async def test_the_shop_itself_is_kept_as_git_has_it(place: Place) -> None:
    kubectl = place.kubectl
    head = await GitServer(kubectl).commit_checkout("The manifests of the checkout under test")
    await gitops.bring(place, print)
    revisions = {
        each["metadata"]["name"]: each["status"]["lastAppliedRevision"]
        for each in (await kubectl.get(KUSTOMIZATIONS, "-n", gitops.NAMESPACE))["items"]
    }
    kept = ("platform", "operator", "shop", "development")
    assert {name: revisions[name] for name in kept} == dict.fromkeys(kept, f"main@sha1:{head}")
    await assert_the_shop_serves(kubectl)

    # Its own change by hand, of a kind that nobody notices.
    named = ("shopservice", "shipping", "-n", "shop")
    slo = '{"spec": {"slo": {"latencyP99Ms": 299}}}'
    before = (await kubectl.get(*named))["spec"]["slo"]
    await kubectl("patch", *named, "--type=merge", f"--patch={slo}")

    async def is_restored() -> bool:
        return bool((await kubectl.get(*named))["spec"]["slo"] == before)

    await until(is_restored, seconds=RESTORED_SECONDS)


async def assert_the_shop_serves(kubectl: Kubectl) -> None:
    assert not unready((await kubectl.get("shopservices", "-n", "shop"))["items"])
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        assert (await http.get("/v1/products", params={"limit": 1})).is_success
