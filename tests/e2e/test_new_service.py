"""A service of one's own, from `kubectl shop init` to its first request through the gateway."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from shop_journey.customer import SHOP
from shop_journey.kubectl import Kubectl
from shop_journey.steps import StepFailedError

NAME = "newcomer"
PATH = f"/v1/{NAME}"
BIN = Path(sys.executable).parent


async def run(*words: str | Path) -> None:
    """Run a program of this checkout's."""
    process = await asyncio.create_subprocess_exec(BIN / words[0], *words[1:])
    assert await process.wait() == 0


@pytest.fixture
async def manifest(kubectl: Kubectl, tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    """Return the ShopService that `init` wrote, its image in the cluster; it leaves no data."""
    await run("kubectl-shop", "init", NAME, "--in", tmp_path)
    await run("shop-cluster", "image", tmp_path / NAME, "--version", "0.1.0")
    found: dict[str, Any] = yaml.safe_load((tmp_path / NAME / "shopservice.yaml").read_text())
    found["metadata"]["namespace"] = "shop"
    for each in (found["spec"]["database"], *found["spec"]["events"]["publishes"]):
        each["onDelete"] = "Drop"
    yield found
    await kubectl("delete", "shopservice", NAME, "-n=shop", "--ignore-not-found", "--timeout=60s")
    # Or the next test would see them end.
    pods = ("pods", "-n=shop", f"-l=minishop.dev/service={NAME}")
    await kubectl("wait", *pods, "--for=delete", "--timeout=60s")


async def ready(kubectl: Kubectl) -> None:
    """Wait as a pipeline does."""
    it = (f"shopservice/{NAME}", "-n=shop")
    try:
        await kubectl("wait", *it, "--for=condition=Ready", "--timeout=180s")
    except StepFailedError as error:
        found = await kubectl("get", *it, "-o=jsonpath={.status.conditions}")
        raise AssertionError(f"{error}; its conditions: {found}") from error


async def test_a_new_service_is_served_from_the_moment_that_it_is_ready(
    kubectl: Kubectl, manifest: dict[str, Any]
) -> None:
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        assert (await http.get(PATH)).status_code == httpx.codes.NOT_FOUND
        await kubectl.apply(manifest)
        await ready(kubectl)
        made = await http.post(PATH, json={"text": "well made"})
        assert (made.status_code, made.json()["text"]) == (201, "well made")
        assert made.json() in (await http.get(PATH)).json()

        # Other paths, and other pods: what was served before says nothing of these.
        manifest["spec"]["route"]["paths"] = [PATH, "/v1/newcomers"]
        manifest["spec"]["env"] = [{"name": "GREETING", "value": "hello"}]
        await kubectl.apply(manifest)
        await ready(kubectl)
        assert (await http.get(PATH)).status_code == httpx.codes.OK
        # The service itself has no such path, and says so otherwise than the gateway.
        assert (await http.get("/v1/newcomers")).json() == {"detail": "Not Found"}

        manifest["spec"]["route"]["paths"] = [PATH]
        await kubectl.apply(manifest)
        await ready(kubectl)
        assert (await http.get("/v1/newcomers")).json()["title"] == "Not found"

        del manifest["spec"]["route"]
        await kubectl.apply(manifest)
        await ready(kubectl)
        assert (await http.get(PATH)).status_code == httpx.codes.NOT_FOUND
