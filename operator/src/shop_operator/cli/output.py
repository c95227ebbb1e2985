"""Answers as text for people, or as JSON and YAML for programs."""

import argparse
import json
import sys
from typing import Any, Final

import yaml

CLI_MANAGER: Final = "shop-cli"
"""The field manager of what the commands write. Flux takes away what `kubectl…` has set."""


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add `-o`."""
    parser.add_argument(
        "-o", "--output", choices=["text", "json", "yaml"], default="text", help="format (text)"
    )


def show(data: Any, text: str, output: str) -> None:  # noqa: ANN401 - whatever JSON can say
    """Write the data in the asked format, or the text."""
    if output == "json":
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
    elif output == "yaml":
        sys.stdout.write(yaml.safe_dump(data, sort_keys=False))
    else:
        sys.stdout.write(text + "\n")
