"""An input ShopService beside its expected children, for people to read and review.

After a change that is meant, set UPDATE_FIXTURES=1 for one run of this file, then read the diff.
"""

import os
from pathlib import Path

import pytest
import yaml

from shop_operator.children.access_secret import Access, Login
from shop_operator.render import render
from shop_operator.settings import Settings
from shop_operator.spec import parse

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures").iterdir())
ACCESS = Access("owner/pass", "capture", Login("default", "p@ss"), Login("guest", "guest"))
PLATFORM = Settings(
    edge="gateway-api",
    otlp_endpoint="http://otel-collector.monitoring:4317",
    vault_address="https://vault.platform.svc:8200",
)


@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
def test_children_are_as_expected(folder: Path) -> None:
    service = parse(yaml.safe_load((folder / "shopservice.yaml").read_text()))
    children = render(service, PLATFORM, ACCESS)
    expected = folder / "children.yaml"
    if os.environ.get("UPDATE_FIXTURES"):
        expected.write_text(yaml.dump_all(children, Dumper=_Plain, sort_keys=False, width=100))
    assert children == list(yaml.safe_load_all(expected.read_text()))


class _Plain(yaml.SafeDumper):
    """Without anchors: each child reads by itself."""

    def ignore_aliases(self, data: object) -> bool:
        return True
