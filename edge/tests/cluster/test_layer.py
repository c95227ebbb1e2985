"""Requests that go Kong → gateway → service, and what plugins do to them while they go."""

import asyncio
import json
import ssl
from collections.abc import Callable
from typing import Any

import httpx
from shop_journey.customer import SHOP, register
from shop_journey.kubectl import Kubectl
from shop_journey.readiness import unready

from shop_cluster.paths import ClusterPaths

from .conftest import HOST, NAME, knows_both_pods
from .waiting import until

PROBE = {"Host": HOST}
LIVEZ = f"{SHOP}/livez"
LIMIT = 5
# After so long the gateway's answers say what is left by everybody's count.
COUNTED_SECONDS = 1.5
# What a pod of the shop runs to ask Kong as another client.
ASKS = f"""
import json, time, urllib.request
for pause in ({COUNTED_SECONDS}, 0):
    answer = urllib.request.urlopen("http://kong-proxy.kong:8000/v1/products?limit=1")
    time.sleep(pause)
print(json.dumps(dict(answer.headers)))
"""


async def test_the_shop_is_behind_kong(layer: Kubectl) -> None:
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        customer = await register(http)
        products = [each async for each in customer.products(limit=5)]
    assert products
    found = await layer.get("shopservice", "gateway", "-n=shop")
    assert not unready([found])
    assert found["status"]["url"] == "http://shop.localhost:8080/"
    route = await layer.get("httproute", "gateway", "-n=shop")
    [parent] = route["status"]["parents"]
    assert parent["controllerName"] == "konghq.com/kic-gateway-controller"
    said = {each["type"]: each["status"] for each in parent["conditions"]}
    assert said == {"Accepted": "True", "ResolvedRefs": "True", "Programmed": "True"}


async def test_tls_by_the_clusters_authority(layer: Kubectl) -> None:
    authority = ClusterPaths.of_this_machine().pki / "ca.rfc5280.crt"
    trusted = ssl.create_default_context(cafile=str(authority))
    async with httpx.AsyncClient(http2=True, verify=trusted) as http:
        answer = await http.get("https://127.0.0.1:8443/v1/products?limit=1")
    assert (answer.status_code, answer.http_version) == (200, "HTTP/2")


async def test_clients_are_told_apart_behind_kong(layer: Kubectl) -> None:
    # The gateway counts by address. By Kong's, all would share one count.
    async with httpx.AsyncClient(base_url=SHOP) as http:
        for _ in range(5):
            await http.get("/v1/products?limit=1")
        await asyncio.sleep(COUNTED_SECONDS)
        here = remaining((await http.get("/v1/products?limit=1")).headers)
    told = await layer("exec", "-n=shop", "deployment/mailbox", "--", "python", "-c", ASKS)
    elsewhere = remaining(httpx.Headers(json.loads(told)))
    assert elsewhere > here


def remaining(headers: httpx.Headers) -> int:
    """Return how many requests a client has left. Source: the draft "RateLimit header fields"."""
    _, _, rest = headers["ratelimit"].partition("r=")
    return int(rest.split(";")[0].split(",")[0])


async def test_a_limit_and_its_change(probe: Kubectl, plugins: Callable[..., Any]) -> None:
    async with httpx.AsyncClient(headers=PROBE) as http:
        await plugins({"name": "rate-limiting", "config": {"minute": LIMIT, "policy": "local"}})

        async def limited() -> bool:
            return (await http.get(LIVEZ)).status_code == httpx.codes.TOO_MANY_REQUESTS

        async def open_again() -> bool:
            return (await http.get(LIVEZ)).status_code == httpx.codes.OK

        await until(limited)
        answer = await http.get(LIVEZ)
        assert answer.json() == {"message": "API rate limit exceeded"}
        # The same connection: nothing is started anew.
        await plugins({"name": "rate-limiting", "config": {"minute": 1000, "policy": "local"}})
        await until(open_again)
        # Nobody else's requests are counted.
        assert (await http.get(LIVEZ, headers={"Host": "shop.localhost"})).status_code == 200


async def test_a_plugin_that_is_not_done_is_told_and_the_rest_goes_on(
    probe: Kubectl, plugins: Callable[..., Any]
) -> None:
    name = f"{NAME}-key-auth"
    await plugins({"name": "key-auth", "config": {}})

    async def told() -> str:
        events = (await probe.get("events", "-n=shop", "--field-selector=type=Warning"))["items"]
        mine = (each for each in events if each["involvedObject"]["name"] == name)
        return next((str(each["message"]) for each in mine), "")

    assert "none that kong-standin does" in await until(told)
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{SHOP}/v1/products?limit=1")).status_code == 200
        # As it was before the plugin.
        assert (await http.get(LIVEZ, headers=PROBE)).status_code == 200


async def test_a_pod_that_is_killed_costs_no_request(probe: Kubectl) -> None:
    await until(lambda: knows_both_pods(probe))
    pods = (await probe.get("pods", "-n=shop", f"-l=app.kubernetes.io/name={NAME}"))["items"]
    victim = pods[0]["metadata"]["name"]
    answers: list[httpx.Response] = []
    async with httpx.AsyncClient(headers=PROBE) as http:
        killing = asyncio.create_task(
            probe("delete", "pod", victim, "-n=shop", "--grace-period=0", "--force")
        )
        while not killing.done() or len(answers) < 200:
            answers.append(await http.get(LIVEZ))
        await killing
    assert {(each.status_code, each.text) for each in answers if not each.is_success} == set()
