"""The mark of what belongs to a ShopService, inside a text that Vault keeps."""

import re
from typing import Final

_MARK: Final = "minishop.dev/owner="
_FOUND: Final = re.compile(rf"{re.escape(_MARK)}([-.a-z0-9]+/[-.a-z0-9]+)")


def mark(owner: str) -> str:
    """Return the words that mark a thing as a ShopService's."""
    return _MARK + owner


def owner_in(text: str) -> str:
    """Return the owner in the first mark of a text; empty without one."""
    found = _FOUND.search(text)
    return found[1] if found else ""
