"""Writes the dashboards as Grafana JSON: `python -m shop_observability.write [--check]`."""

import argparse
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from shop_observability import boards
from shop_observability.panels import Board

FOLDER = Path(__file__).resolve().parents[2] / "dashboards"


def every_board() -> list[Board]:
    """Return the dashboards, by the names of their modules."""
    names = sorted(found.name for found in iter_modules(boards.__path__))
    return [import_module(f"{boards.__name__}.{name}").BOARD for name in names]


def rendered() -> dict[str, str]:
    """Return the JSON of each dashboard, by its file's name."""
    encoder = JSONEncoder(sort_keys=True, indent=1)
    return {f"{board.uid}.json": f"{encoder.encode(board.build())}\n" for board in every_board()}


def stale(folder: Path) -> list[str]:
    """Return the names of files in a folder that are missing, differ, or are of no dashboard."""
    wanted = rendered()
    found = {file.name: file.read_text() for file in folder.glob("*.json")}
    return sorted(name for name in wanted | found if wanted.get(name) != found.get(name))


def write(folder: Path) -> None:
    """Write each dashboard to a folder, and remove what is of none."""
    wanted = rendered()
    for file in folder.glob("*.json"):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text)


def main() -> int:
    """Write the files; with --check, only say which are stale and return 1 if any is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    if not parser.parse_args().check:
        write(FOLDER)
        return 0
    for name in (found := stale(FOLDER)):
        sys.stderr.write(f"observability/dashboards/{name} is stale: run `make dashboards`\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
