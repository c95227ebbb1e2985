"""ETag and If-Match (RFC 9110, 8.8.3 and 13.1): no edit overwrites one it has not seen."""

from typing import Annotated

from fastapi import Header, Response

from shop_shared.http.problems import PreconditionFailed, PreconditionRequired

IfMatch = Annotated[str | None, Header(description="ETag of the version this edit is based on")]
IfNoneMatch = Annotated[str | None, Header(description="ETag of the version already known")]


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
    if not _names(if_match, version, weak=False):
        raise PreconditionFailed("Someone has changed it since; read it again.")


def not_modified(if_none_match: str | None, version: int | str) -> bool:
    """Say whether the caller already has version: answer 304."""
    return if_none_match is not None and _names(if_none_match, version, weak=True)


def _names(header: str, version: int | str, *, weak: bool) -> bool:
    tags = {tag.strip() for tag in header.split(",")}
    if weak:
        tags = {tag.removeprefix("W/") for tag in tags}
    return "*" in tags or etag(version) in tags
