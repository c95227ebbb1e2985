"""The alert rules: ours, and what the operator makes for a ShopService."""

from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).resolve().parents[2] / "rules" / "rules.yaml"


def groups() -> list[dict[str, Any]]:
    """Return the groups of rules about the shop as a whole, as Prometheus reads them."""
    manifest = yaml.safe_load(FILE.read_text())
    found: list[dict[str, Any]] = manifest["spec"]["groups"]
    return found


def alerts() -> list[dict[str, Any]]:
    """Return the rules of all groups."""
    return [rule for group in groups() for rule in group["rules"]]
