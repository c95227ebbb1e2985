"""The page draws each dashboard, finds log lines, and lets nothing else through."""

import json
from uuid import uuid4

import httpx
import pytest
from shop_journey import orders
from shop_journey.customer import SHOP, Customer

from e2e.chromium import Chromium, visitor
from shop_observability.write import FOLDER, every_board

from .places import PAGES, PICTURES, ZIPKIN

SECONDS = 60
"""What a line may take from a program to the store."""

# So tall that every panel is seen: one that is not is not drawn.
SIZE = {"width": 1400, "height": 2000}


@pytest.mark.parametrize("uid", [board.uid for board in every_board()])
async def test_each_dashboard_is_drawn(browser: Chromium, uid: str) -> None:
    board = json.loads((FOLDER / f"{uid}.json").read_text())
    titles = [panel["title"] for panel in board["panels"] if panel["type"] != "row"]
    graphs = [panel for panel in board["panels"] if panel["type"] == "timeseries"]
    async with visitor(browser) as page:
        await page.set_viewport_size({"width": SIZE["width"], "height": SIZE["height"]})
        await page.goto(f"/d/{uid}")
        for title in titles:
            await page.get_by_role("heading", name=title, exact=True).first.wait_for()
        await page.locator("canvas").nth(len(graphs) - 1).wait_for()
        assert await page.get_by_role("alert").all_inner_texts() == []
        await page.wait_for_load_state("networkidle")
        await page.locator("#root").screenshot(path=PICTURES / f"{uid}.png")


async def test_what_took_long_leads_from_its_dashboard_to_its_trace(
    browser: Chromium, customer: Customer, zipkin: httpx.AsyncClient
) -> None:
    await orders.many([customer], count=4, rate=2)
    async with visitor(browser) as page:
        await page.goto("/d/minishop-gateway")
        way = page.get_by_role("link", name="trace", exact=True).first
        await way.wait_for(timeout=SECONDS * 1000)
        trace = str(await way.get_attribute("href")).rpartition("/")[2]
        await way.click()
        await page.get_by_text("gateway").first.wait_for()
    spans = (await zipkin.get(f"/trace/{trace}")).raise_for_status().json()
    assert "gateway" in {span["localEndpoint"]["serviceName"] for span in spans}


async def test_a_dashboard_that_is_not_there_is_said_to_be_missing(browser: Chromium) -> None:
    async with visitor(browser) as page:
        await page.goto("/d/minishop-of-yesterday")
        await page.get_by_role("alert").filter(has_text="404").wait_for()


async def test_log_lines_are_found_and_a_query_that_is_none_is_said_to_be_so(
    browser: Chromium,
) -> None:
    # A line that is there for sure: the gateway says it when a token does not count.
    trace = uuid4().hex
    headers = {"Authorization": "Bearer none", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    async with httpx.AsyncClient(base_url=SHOP, timeout=30) as http:
        assert (await http.get("/v1/orders", headers=headers)).status_code == 401
    async with visitor(browser) as page:
        await page.goto(f"/logs?q=kubernetes.namespace:shop trace_id:{trace}")
        line = page.get_by_role("row").filter(has_text="token refused")
        line = line.filter(has=page.get_by_role("cell", name="gateway", exact=True))
        await line.first.wait_for(timeout=SECONDS * 1000)
        to_trace = line.first.get_by_role("link", name="trace", exact=True)
        assert await to_trace.get_attribute("href") == f"{ZIPKIN}/zipkin/traces/{trace}"
        await page.get_by_label("Query").fill("service:(")
        await page.get_by_role("button", name="Find").click()
        await page.get_by_role("alert").filter(has_text="Failed to parse query").wait_for()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/opensearch/search"),
        ("PUT", "/opensearch/search"),
        ("POST", "/opensearch/search"),
        ("DELETE", "/prometheus/api/v1/series"),
        ("PUT", "/prometheus/api/v1/query"),
    ],
)
def test_it_only_lets_questions_through(browser: Chromium, method: str, path: str) -> None:
    assert httpx.request(method, f"{PAGES}{path}", timeout=30).status_code == 403


@pytest.mark.parametrize("path", ["/opensearch/_cat/indices", "/prometheus/graph", "/opensearch/"])
def test_other_addresses_of_the_servers_behind_are_none(browser: Chromium, path: str) -> None:
    answer = httpx.get(f"{PAGES}{path}", timeout=30)
    assert "<title>Minishop</title>" in answer.text
