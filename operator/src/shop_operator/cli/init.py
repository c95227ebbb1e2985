"""`kubectl shop init NAME`: a service to start from: code, Dockerfile, manifest and test."""

import argparse
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"[a-z]([-a-z0-9]{0,46}[a-z0-9])?")
_SUFFIX: Final = ".txt"


class NotMadeError(Exception):
    """The folder can't be made, and why."""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", common: argparse.ArgumentParser
) -> None:
    """Add the command."""
    _ = common  # it asks no cluster
    command = commands.add_parser("init", help="make a service to start from, in a new folder")
    command.add_argument("service", help="its name, such as reviews")
    command.add_argument("--in", dest="parent", type=Path, default=Path(), help="where (here)")
    command.set_defaults(here=_init)


def _init(options: argparse.Namespace) -> int:
    folder = make(options.service, parent=options.parent)
    sys.stdout.write(f"made {folder}: read {folder / 'README.md'} on how it gets into a cluster\n")
    return 0


def make(name: str, *, parent: Path) -> Path:
    """Make the folder `parent/name` of a service of that name; return it.

    Raises NotMadeError.
    """
    if not _NAME.fullmatch(name):
        raise NotMadeError(
            f"{name!r} becomes the name of a Service: 1 to 48 lower-case letters, digits and "
            "dashes, a letter first"
        )
    folder = parent / name
    try:
        folder.mkdir(parents=True)
        for file in files("shop_operator.cli.new_service").iterdir():
            if file.name.endswith(_SUFFIX):
                target = folder / file.name.removesuffix(_SUFFIX)
                target.write_text(_named(file.read_text("utf-8"), name), "utf-8")
    except FileExistsError as error:
        raise NotMadeError(f"{folder} is there already; nothing was changed") from error
    except OSError as error:
        raise NotMadeError(f"{folder}: {error.strerror}") from error
    return folder


def _named(text: str, name: str) -> str:
    """Fill in the name: as it is, in the singular for its events, and as an identifier."""
    words = {"name": name, "word": name.removesuffix("s") or name, "table": name.replace("-", "_")}
    for placeholder, word in words.items():
        text = text.replace(f"{{{{{placeholder}}}}}", word)
    return text
