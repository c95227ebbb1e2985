"""ETag and If-Match (RFC 9110, 8.8.3 and 13.1): no edit overwrites one it has not seen."""

import re
from typing import Annotated

from fastapi import Header, Response

from shop_shared.http.problems import PreconditionFailed, PreconditionRequired

IfMatch = Annotated[str | None, Header(description="ETag of the version this edit is based on")]
IfNoneMatch = Annotated[str | None, Header(description="ETag of the version already known")]

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def etag(version: int | str) -> str:
    """Return the strong entity tag of a version."""
    return f'"{version}"'


def set_etag(response: Response, version: int | str) -> None:
    """Put the version's tag on an answer."""
    response.headers["ETag"] = etag(version)


def require_match(if_match: str | None, version: int | str, *, required: bool = False) -> None:
    """Raise PreconditionFailed unless If-Match names version, or is absent.

    With required, an absent one raises PreconditionRequired (RFC 6585). Check it in the
    transaction that writes.
    """
    if if_match is None:
        if required:
            raise PreconditionRequired("Send the ETag you last saw as If-Match.")
        return
    if not matches(if_match, etag(version), weak=False):
        raise PreconditionFailed("Someone has changed it since; read it again.")


def not_modified(if_none_match: str | None, version: int | str) -> bool:
    """Say whether the caller already has version: answer 304."""
    return if_none_match is not None and matches(if_none_match, etag(version), weak=True)


def matches(header: str, tag: str, *, weak: bool) -> bool:
    """Say whether an If-Match or If-None-Match names `tag`, or any (`*`).

    Weak comparison looks past `W/`; strong comparison knows no weak tag (RFC 9110, 8.8.3.2).
    """
    if header.strip() == "*":
        return True
    named = _TAG.findall(header)
    if weak:
        return tag.removeprefix("W/") in {each.removeprefix("W/") for each in named}
    return not tag.startswith("W/") and tag in named
