"""Where a page may send a browser: to the shop itself, and to a payment provider's page."""

from collections.abc import Collection
from urllib.parse import urlsplit

HOME = "/"


def own_path(wanted: str | None) -> str:
    r"""Return the wanted path of this origin, or the first page for anything else.

    A browser takes `//host`, `/\host` and control characters for more than a path.
    """
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return HOME
    if "\\" in wanted or any(ord(character) <= ord(" ") for character in wanted):
        return HOME
    if len(wanted) > 2000:  # noqa: PLR2004 - no address of ours is
        return HOME
    return wanted


def is_payment_page(url: str, origins: Collection[str]) -> bool:
    """Tell whether a URL is of one of the origins (scheme://host[:port]), exactly."""
    try:
        parts = urlsplit(url)
        named = parts.hostname is not None and parts.username is None
        _ = parts.port  # raises ValueError for what is no port
    except ValueError:
        return False
    if not named or parts.scheme not in {"http", "https"} or "\\" in url:
        return False
    return f"{parts.scheme}://{parts.netloc}".lower() in {each.lower() for each in origins}
