"""Runs `kubectl shop` as a person does, on the test's API server."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import yaml

from shop_operator.metadata import API_VERSION, Manifest

from .shop import Shop

PROGRAMS = Path(sys.executable).parent


def kubectl_shop(
    *words: str, shop: Shop | None = None, stdin: str | None = None, program: str = "kubectl-shop"
) -> "subprocess.CompletedProcess[str]":
    """Run the plugin; KUBECONFIG names the API server, `shop` the operator's settings."""
    return subprocess.run(
        [str(PROGRAMS / program), *words],
        capture_output=True,
        text=True,
        check=False,
        input=stdin,
        env=_environment(shop),
    )


async def told(*words: str, shop: Shop) -> AsyncIterator[str]:
    """Run the plugin; yield each line as it is written. Raises CalledProcessError at its end."""
    command = [str(PROGRAMS / "kubectl-shop"), *words]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env=_environment(shop)
    )
    assert process.stdout is not None
    async for line in process.stdout:
        yield line.decode().rstrip("\n")
    if code := await process.wait():
        raise subprocess.CalledProcessError(code, command)


def _environment(shop: Shop | None) -> dict[str, str]:
    settings = {} if shop is None else shop.platform.model_dump(mode="json")
    return os.environ | {
        f"MINISHOP_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.items()
        if value is not None
    }


def manifest(shop: Shop, name: str, **spec: Any) -> Manifest:
    """Return a ShopService as a user writes it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ShopService",
        "metadata": {"name": name, "namespace": shop.namespace},
        "spec": {"image": "minishop/test:1", **spec},
    }


def plan(shop: Shop, body: Manifest) -> list[dict[str, str]]:
    """Return what `kubectl shop plan` says of a manifest: action, kind, name, diff."""
    words = ("plan", "-f", "-", "-o", "json")
    done = kubectl_shop(*words, shop=shop, stdin=yaml.safe_dump(body))
    assert done.returncode in {0, 1}, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    assert done.returncode == (1 if found else 0)
    return found
