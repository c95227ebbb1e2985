"""`kubectl shop plan` says what `kubectl apply` and the operator will do, and writes nothing."""

import asyncio
import difflib
import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from shop_cluster.control_plane import ControlPlane
from shop_operator.api.kinds import KAFKA_TOPIC, SHOP_SERVICE, kind_of
from shop_operator.cli.client_side_apply import LAST_APPLIED
from shop_operator.metadata import Manifest

from .command import kubectl_shop, manifest, plan
from .harm import children, essence
from .shop import Shop, eventually

RICH: dict[str, Any] = {
    "replicas": 0,
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "slo": {"availability": "99.9"},
    "template": {"metadata": {"labels": {"team": "a"}}},
}
PLAIN: dict[str, Any] = {"replicas": 0, "env": [{"name": "B", "value": "3"}]}


def kubectl_apply(plane: ControlPlane, body: Manifest, *flags: str) -> None:
    plane.kubectl("apply", *flags, "-f", "-", stdin=yaml.safe_dump(body))


async def stored(shop: Shop, name: str) -> Manifest:
    found = essence(await shop.client.get(SHOP_SERVICE, shop.namespace, name))
    (found["metadata"]["annotations"] or {}).pop(LAST_APPLIED, None)
    return found


def removed_and_added(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Return the lines that differ, each with its sign."""
    had, has = (yaml.safe_dump(side).splitlines() for side in (before, after))
    lines = difflib.unified_diff(had, has, lineterm="", n=0)
    return {line for line in lines if not line.startswith(("---", "+++", "@@"))}


@pytest.mark.parametrize("flags", [(), ("--server-side",)], ids=["client", "server"])
@pytest.mark.parametrize(("before", "after"), [(RICH, PLAIN), (PLAIN, RICH)])
async def test_it_says_of_the_shopservice_what_kubectl_apply_does(
    shop: Shop,
    plane: ControlPlane,
    flags: tuple[str, ...],
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    kubectl_apply(plane, manifest(shop, "planned", **before), *flags)
    was = await stored(shop, "planned")
    wanted = manifest(shop, "planned", **after)
    [said] = [change for change in plan(shop, wanted) if change["kind"] == "ShopService"]
    assert await stored(shop, "planned") == was  # nothing was written
    kubectl_apply(plane, wanted, *flags)
    now = await stored(shop, "planned")
    lines = {line.replace("   ", "  ") for line in said["diff"].splitlines()}
    assert {line for line in lines if line[0] in "+-"} == {
        line.replace("   ", "  ") for line in removed_and_added(was, now)
    }
    assert not [change for change in plan(shop, wanted) if change["kind"] == "ShopService"]


async def test_children_of_a_paused_service_stay_as_they_are(shop: Shop) -> None:
    paused = manifest(shop, "paused", managementPolicy="Paused", image="other:2")
    [made, kept] = plan(shop, paused)
    assert (made["action"], kept["action"]) == ("create", "keep")
    assert kept["diff"] == "managementPolicy is Paused"


async def test_it_says_of_children_what_the_operator_does(shop: Shop, plane: ControlPlane) -> None:
    await shop.start()
    kubectl_apply(plane, manifest(shop, "kept", **RICH))
    before = {(c["kind"], c["metadata"]["name"]): c for c in await children(shop, "kept")}
    wanted = manifest(shop, "kept", **PLAIN, cache={"kind": "redis"})
    said = {
        (each["kind"], each["name"]): each["action"]
        for each in plan(shop, wanted)
        if each["kind"] != "ShopService"
    }
    kubectl_apply(plane, wanted)

    async def done() -> bool:
        # Not in the loop in which the operator works.
        return await asyncio.to_thread(plan, shop, wanted) == []

    await eventually(done, seconds=60)
    after = {(c["kind"], c["metadata"]["name"]): c for c in await children(shop, "kept")}
    assert said == {
        **dict.fromkeys(after.keys() - before.keys(), "create"),
        **dict.fromkeys(before.keys() - after.keys(), "delete"),
        **{
            child: "change"
            for child in after.keys() & before.keys()
            if essence_without_hash(after[child]) != essence_without_hash(before[child])
        },
    }
    assert ("Secret", "kept-access") in said


def essence_without_hash(child: Manifest) -> Manifest:
    found = essence(child)
    (found["metadata"]["annotations"] or {}).pop("minishop.dev/applied", None)
    assert kind_of(child)
    return found


async def test_a_topic_of_another_is_refused(shop: Shop) -> None:
    await shop.start()
    await shop.declare("owner", events={"publishes": [{"topic": "things.events"}]})
    await shop.settled("owner")
    thief = manifest(shop, "thief", events={"publishes": [{"topic": "things.events"}]})
    [said] = [each for each in plan(shop, thief) if each["kind"] == KAFKA_TOPIC.kind]
    assert said["action"] == "refused"
    assert f"{shop.namespace}/owner" in said["diff"]


async def test_a_secret_changes_by_its_keys_and_shows_no_value(shop: Shop) -> None:
    await shop.start()
    await shop.declare("secretive", cache={"kind": "redis"})
    await shop.settled("secretive")
    both = manifest(shop, "secretive", cache={"kind": "redis"}, queue={"kind": "rabbitmq"})
    [said] = [each for each in plan(shop, both) if each["kind"] == "Secret"]
    assert (said["action"], said["diff"]) == ("change", "+rabbitmq_url: (not shown)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: ShopService\nmetadata: {}\n", "needs metadata.name"),
        ("kind: ShopService\nmetadata: {name: a/b}\n", "needs metadata.name"),
        ("kind: ShopService\nmetadata: {name: a, namespace: 5}\n", "which is no name"),
        ("kind: ShopService\nspec: {image: 2026-13-01}\n", "month must be"),
        ("kind: ShopService\nspec: {env: {2026-01-01: x}}\n", "keys must be"),
        ("kind: ShopService\nmetadata: {name: a}\n", "is of None"),
        ("kind: Deployment\nmetadata: {name: a}\n", "holds no ShopService"),
        ("- 1\n", "holds no ShopService"),
        ("a: [\n", "while parsing"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_line(shop: Shop, text: str, words: str) -> None:
    done = kubectl_shop("plan", "-f", "-", shop=shop, stdin=text)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_list_is_read_as_kubectl_reads_it(shop: Shop) -> None:
    named = manifest(shop, "listed", template={"metadata": {"labels": {True: "on", 2: "two"}}})
    here = manifest(shop, "here", managementPolicy="Paused")
    here["metadata"]["namespace"] = None
    body = {"apiVersion": "v1", "kind": "List", "items": [named, here]}
    words = ("plan", "-n", shop.namespace, "-f", "-", "-o", "json")
    done = kubectl_shop(*words, shop=shop, stdin=yaml.safe_dump(body))
    assert done.returncode == 1, done.stderr
    made = [each for each in json.loads(done.stdout) if each["kind"] == "ShopService"]
    assert [each["name"] for each in made] == ["listed", "here"]
    assert "'2': two" in made[0]["diff"]
    assert "'true': 'on'" in made[0]["diff"]
