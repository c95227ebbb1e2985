"""What the README promises, on the cluster."""

import asyncio
import io
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx
import pytest
from rich.console import Console
from shop_journey import golden, orders
from shop_journey.customer import SHOP, Customer, RefusedError, register
from shop_journey.kubectl import Kubectl
from shop_journey.up import wait_until_ready

from e2e.invariants import assert_invariants_hold


async def test_the_golden_journey_ends_at_the_door(kubectl: Kubectl) -> None:
    out = io.StringIO()
    hops = await golden.walk(SHOP, Console(file=out, width=120))
    assert [hop.status for hop in hops][-1] == "delivered"
    assert {hop.service for hop in hops} == {"order", "product", "payment", "shipping"}
    assert "Notifications:" in out.getvalue()


async def test_orders_of_every_kind_end_as_they_should(
    kubectl: Kubectl, customer: Customer
) -> None:
    placed, refused = await orders.many([customer], count=30, rate=5)
    assert not refused
    ended = orders.outcomes(placed)
    assert {status for kind, status in ended if kind == "buys"} == {"delivered"}
    assert {status for kind, status in ended if kind == "declined"} <= {"cancelled"}
    assert {status for kind, status in ended if kind == "pays another way"} <= {"delivered"}
    assert {status for kind, status in ended if kind == "too many"} <= {"rejected"}
    assert {status for kind, status in ended if kind == "cancels"} <= {
        "cancelled",
        "refunded",
        "delivered",
    }
    await assert_invariants_hold(kubectl)


async def test_other_peoples_orders_do_not_exist(customer: Customer) -> None:
    product = (await orders.well_stocked(customer))[0]
    order = await customer.order({product["id"]: 1}, orders.STRIPE | {"token": "pm_card_visa"})
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        stranger = await register(http)
        for look in (stranger.find_order, stranger.history, stranger.summary, stranger.cancel):
            with pytest.raises(RefusedError) as caught:
                await look(order["id"])
            assert caught.value.status == 404


async def test_the_documents_are_served(kubectl: Kubectl) -> None:
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        document = (await http.get("/openapi.json")).json()
        for path in ("/v1/orders", "/v1/products", "/v1/users", "/v1/auth/token"):
            assert path in document["paths"]
        assert "x-unavailable" not in document


async def test_a_killed_pod_loses_no_order(kubectl: Kubectl, customer: Customer) -> None:
    product = (await orders.well_stocked(customer))[0]
    placed = []
    for service in ("order", "product", "payment"):
        order = await _through_outage(
            partial(
                customer.order,
                {product["id"]: 1},
                orders.STRIPE | {"token": "pm_card_visa"},
                key=str(uuid.uuid4()),
            )
        )
        placed.append(order["id"])
        await kubectl(
            "delete",
            "pod",
            "-n",
            "shop",
            "-l",
            f"app.kubernetes.io/name={service}",
            "--grace-period=0",
            "--force",
            "--wait=false",
        )
    for order_id in placed:
        ended = await _through_outage(partial(customer.settled, order_id, seconds=60))
        assert ended["status"] == "delivered"
    await assert_invariants_hold(kubectl)
    await wait_until_ready(kubectl, print)  # for the tests that follow


async def _through_outage(ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Ask until there is an answer, as a client does whose request may have been heard."""
    for _ in range(240):
        try:
            return await ask()
        except RefusedError as error:
            if error.status not in (409, 502, 503, 504):
                raise
        except httpx.TransportError:
            pass  # broken off
        await asyncio.sleep(0.5)
    raise AssertionError("the service did not come back")
