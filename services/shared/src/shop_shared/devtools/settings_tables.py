"""Writes the settings table of each service's page, from the settings themselves.

    python -m shop_shared.devtools.settings_tables            writes them (`make contracts`)
    python -m shop_shared.devtools.settings_tables --check    fails where a page is stale

A page has two comments between which its table stands; docs/services/<name>.md is read.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

WIDEST = 80
"""Characters of a default that a table's cell takes."""
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m shop_shared.devtools.settings_tables", description=__doc__
    )
    parser.add_argument("--docs", type=Path, default=Path("docs/services"))
    parser.add_argument("--check", action="store_true", help="change nothing, fail on stale pages")
    options = parser.parse_args(arguments)
    stale = []
    for page in sorted(options.docs.glob("*.md")):
        text = page.read_text()
        if BEGIN not in text:
            continue
        fresh = with_table(text, table(_settings(page.stem)))
        if fresh != text:
            stale.append(page)
            if not options.check:
                page.write_text(fresh)
    if options.check:
        for page in stale:
            sys.stderr.write(f"{page}: its settings table is stale, run `make contracts`\n")
    return int(bool(stale) and options.check)


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows of `shop-<name> settings` as a Markdown table."""
    head = ["| setting | default | meaning |", "|---|---|---|"]
    cells = (f"| `{row['name']}` | {_default(row)} | {row['description']} |" for row in rows)
    return "\n".join([*head, *cells])


def _default(row: dict[str, Any]) -> str:
    if row["required"]:
        return "required"
    if row["default"] is None:
        return "-"
    said = json.dumps(row["default"])
    return f"`{said}`" if len(said) <= WIDEST else "see `shop-… settings`"


def with_table(page: str, table: str) -> str:
    """Return the page with its table replaced. Raises ValueError where an end is missing."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{BEGIN} without {END}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _settings(service: str) -> list[dict[str, Any]]:
    command = Path(sys.executable).parent / f"shop-{service}"
    out = subprocess.run([command, "settings"], check=True, capture_output=True).stdout  # noqa: S603 - our own command
    rows: list[dict[str, Any]] = json.loads(out)
    return rows


if __name__ == "__main__":
    sys.exit(main())
