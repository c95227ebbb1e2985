"""Names of services and namespaces, as they are written on the command line and in files."""

import argparse
import re
from typing import Final

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def is_name(text: object) -> bool:
    """Return True for what Kubernetes takes as a name; a/b is another path of its API."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def name(text: str) -> str:
    """Return a name. Raises ArgumentTypeError, which argparse reports."""
    if not is_name(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name: up to 63 lower-case letters, digits and dashes"
        )
    return text
