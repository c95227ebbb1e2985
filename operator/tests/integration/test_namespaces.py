"""Namespaces of services come and go while it runs; a bad one stops only itself."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from shop_cluster.control_plane import ControlPlane
from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import ROLE

from .namespaces import OPERATOR, Cluster, declare, gone, is_, made, operator, reason, told, unmet
from .shop import eventually


@pytest.fixture
async def cluster(plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    async with ApiClient(connection.login) as admin:
        found = Cluster(plane, admin, f"n{secrets.token_hex(3)}")
        found.install()
        yield found
        found.uninstall()


async def test_a_labelled_namespace_is_kept_from_then_on_and_no_longer(cluster: Cluster) -> None:
    first = cluster.namespace("first")
    async with operator(cluster, first) as shop:
        await declare(cluster, first, "a")
        await eventually(lambda: made(cluster, first, "a"))
        second = cluster.namespace("second")
        await declare(cluster, second, "b")
        await asyncio.sleep(1)
        assert not await made(cluster, second, "b")
        label = f"minishop.dev/managed={cluster.name}"
        cluster.plane.kubectl("label", "namespace", second, label)
        await eventually(lambda: made(cluster, second, "b"))
        await eventually(lambda: is_(second, "Ready"))
        cluster.plane.kubectl("label", "namespace", second, "minishop.dev/managed-")
        await eventually(lambda: is_(second))
        await declare(cluster, second, "c")
        await declare(cluster, first, "d")
        await eventually(lambda: made(cluster, first, "d"))
        assert not await made(cluster, second, "c")
        assert await made(cluster, second, "b")  # what is there stays
        cluster.plane.kubectl("label", "namespace", second, label)
        await eventually(lambda: made(cluster, second, "c"))
        assert shop.running[0][0].ready


async def test_what_is_unmet_is_measured_and_forgotten_with_its_service(cluster: Cluster) -> None:
    first, second = cluster.namespace("first"), cluster.namespace("second")
    label = f"minishop.dev/managed={cluster.name}"
    cluster.plane.kubectl("label", "namespace", second, label)

    async def all_unmet() -> bool:
        return all((unmet(first, "a"), unmet(first, "b"), unmet(second, "c")))

    async def forgotten() -> bool:
        return not unmet(first, "a") and not unmet(second, "c")

    async with operator(cluster, first):
        for namespace, name in ((first, "a"), (first, "b"), (second, "c")):
            await declare(cluster, namespace, name)
        # No pod ever runs here.
        await eventually(all_unmet)
        await eventually(lambda: made(cluster, first, "a"))
        assert {kind for kind, _ in unmet(first, "a")} == {"Ready", "WorkloadReady"}
        cluster.plane.kubectl("delete", "shopservice", "a", "-n", first, "--wait=false")
        cluster.plane.kubectl("label", "namespace", second, "minishop.dev/managed-")
        await eventually(forgotten)
        assert unmet(first, "b")


async def test_a_namespace_without_the_role_is_reported_and_stops_only_itself(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = cluster.namespace("good"), cluster.namespace("bad", role=False)
    await declare(cluster, bad, "b")
    async with operator(cluster, bad, good) as shop:
        await declare(cluster, good, "a")
        await eventually(lambda: made(cluster, good, "a"))
        assert shop.running[0][0].lease.held
        assert shop.running[0][0].ready

        async def refused() -> bool:
            found, message = await reason(cluster, bad, "b")
            return found == "Forbidden" and "forbidden" in message

        await eventually(refused)
        await eventually(lambda: is_(good, "Ready"))
        await eventually(lambda: is_(bad, "Unreadable"))
        await eventually(lambda: told(cluster, "NamespaceUnreadable", bad))
        await asyncio.sleep(8)  # each kind is asked for again a few times
        warnings = capsys.readouterr().out.count("warning")
        assert warnings < 10
        cluster.give_role(bad)
        await eventually(lambda: made(cluster, bad, "b"))

        async def synced() -> bool:
            return (await reason(cluster, bad, "b"))[0] == "AsDeclared"

        await eventually(synced)
        await eventually(lambda: is_(bad, "Ready"))
        await eventually(lambda: told(cluster, "NamespaceReady", bad))


async def test_a_kind_that_is_forbidden_stops_only_those_that_have_it(cluster: Cluster) -> None:
    place = cluster.namespace("partly")
    role = await cluster.admin.get(ROLE, place, OPERATOR)
    rules = [rule for rule in role["rules"] if "policy" not in rule["apiGroups"]]
    await cluster.admin.merge(ROLE, place, OPERATOR, {"rules": rules})
    async with operator(cluster, place):
        await declare(cluster, place, "a")
        await eventually(lambda: made(cluster, place, "a"))

        async def refused() -> bool:
            found, message = await reason(cluster, place, "a")
            return found == "Forbidden" and "poddisruptionbudgets" in message

        await eventually(refused)


async def test_a_namespace_that_is_not_there_yet(cluster: Cluster) -> None:
    good, late = cluster.namespace("good"), f"{cluster.name}-late"
    async with operator(cluster, late, good):
        await declare(cluster, good, "a")
        await eventually(lambda: made(cluster, good, "a"))
        await eventually(lambda: told(cluster, "NamespaceMissing", late))
        await eventually(lambda: is_(late, "Missing"))
        cluster.namespace("late")
        await declare(cluster, late, "b")
        await eventually(lambda: made(cluster, late, "b"))


async def test_a_namespace_that_is_deleted_comes_to_its_end(cluster: Cluster) -> None:
    """Its Role and RoleBinding go before its ShopServices, as the namespace controller does it."""
    good, ending = cluster.namespace("good"), cluster.namespace("ending")
    async with operator(cluster, ending, good):
        for name in ("a", "b"):
            await declare(cluster, ending, name)
            await eventually(lambda name=name: made(cluster, ending, name))  # type: ignore[misc]
        cluster.plane.kubectl("delete", "namespace", ending, "--wait=false")
        cluster.plane.kubectl("delete", "role,rolebinding", OPERATOR, "-n", ending)
        cluster.plane.kubectl("delete", "shopservice", "--all", "-n", ending, "--wait=false")
        for name in ("a", "b"):
            await eventually(lambda name=name: gone(cluster, ending, name))  # type: ignore[misc]
        await eventually(lambda: is_(ending, "Terminating"))
        await declare(cluster, good, "c")
        await eventually(lambda: made(cluster, good, "c"))


async def test_after_a_restart_too_what_is_in_an_ending_namespace_is_let_go(
    cluster: Cluster,
) -> None:
    ending = cluster.namespace("ending")
    async with operator(cluster, ending):
        await declare(cluster, ending, "a")
        await eventually(lambda: made(cluster, ending, "a"))
    cluster.plane.kubectl("delete", "namespace", ending, "--wait=false")
    cluster.plane.kubectl("delete", "role,rolebinding", OPERATOR, "-n", ending)
    cluster.plane.kubectl("delete", "shopservice", "--all", "-n", ending, "--wait=false")
    async with operator(cluster, ending):
        await eventually(lambda: gone(cluster, ending, "a"))
