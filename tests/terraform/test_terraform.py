"""`terraform/` as OpenTofu sees it: formatted, valid with the real providers, planned in tests."""

from pathlib import Path

import pytest

from shop_cluster import opentofu
from terraform.opentofu_cli import tofu

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "terraform"
# AWS's provider is too large to be built for a test: that root is formatted, and no more.
ROOTS = sorted(file.parent for file in FOLDER.glob("*/main.tf") if file.parent.name != "aws")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where OpenTofu finds its providers, built here, and keeps what it unpacks."""
    return {**opentofu.environment(), "TF_DATA_DIR": str(tmp_path_factory.mktemp("tofu"))}


def test_it_is_formatted(environment: dict[str, str]) -> None:
    tofu(FOLDER, "fmt", "-check", "-diff", "-recursive", environment=environment)


@pytest.mark.parametrize("root", ROOTS, ids=lambda folder: folder.name)
def test_each_root_is_valid_with_the_real_providers(
    root: Path, environment: dict[str, str]
) -> None:
    tofu(root, "init", "-backend=false", environment=environment)
    assert "configuration is valid" in tofu(root, "validate", environment=environment)


def test_what_is_planned_of_the_real_overlays(environment: dict[str, str]) -> None:
    module = FOLDER / "modules" / "shop"
    tofu(module, "init", "-backend=false", environment=environment)
    told = tofu(module, "test", environment=environment)
    assert "5 passed, 0 failed" in told
