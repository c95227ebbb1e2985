"""Everything rendered is accepted by the published CRDs, with strict field validation."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest
import yaml

from shop_operator.apply.children import with_applied_hash
from shop_operator.children.access_secret import Access, Login
from shop_operator.render import render
from shop_operator.spec import parse

from .crds import ROOT
from .shop import Shop

MANIFESTS = sorted((ROOT / "manifests" / "shop").glob("*.yaml"))
FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").glob("*/shopservice.yaml"))
LOGIN = Login("user", "pass/word")


@pytest.mark.parametrize("edge", ["gateway-api", "ingress"])
@pytest.mark.parametrize(
    "path", [*MANIFESTS, *FIXTURES], ids=lambda path: f"{path.parent.name}-{path.stem}"
)
async def test_the_api_server_accepts_every_child(
    shop: Shop, path: Path, edge: Literal["gateway-api", "ingress"]
) -> None:
    platform = shop.platform.model_copy(update={"edge": edge, "otlp_endpoint": "http://otel:4317"})
    for body in yaml.safe_load_all(await asyncio.to_thread(path.read_text)):
        if body["kind"] != "ShopService":
            continue
        body["metadata"]["namespace"] = shop.namespace
        body["metadata"].pop("uid", None)  # the fixtures have one made up
        accepted = await shop.client.apply(body, dry_run=True, manager="user")
        children = render(parse(accepted), platform, Access("a", "b", LOGIN, LOGIN))
        assert children
        for child in map(with_applied_hash, children):
            await shop.client.apply(child, dry_run=True)


def test_all_eight_services_are_there() -> None:
    assert len(MANIFESTS) >= 8
