"""What may be wrong with an answer of the API server."""

from collections.abc import Mapping
from typing import Final

import orjson


class ApiError(Exception):
    """The API server's answer was an error; `status` is HTTP's, 0 when there was no answer."""

    def __init__(self, status: int, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def temporary(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in {0, 401, 408, 409, 429} or self.status >= 500  # noqa: PLR2004 - HTTP's


class NotFoundError(ApiError):
    """There is no such object, or no such kind."""


class ConflictError(ApiError):
    """The object changed meanwhile, or exists already."""


_ERRORS: Final[dict[int, type[ApiError]]] = {404: NotFoundError, 409: ConflictError}


def error_of(status: int, message: str, headers: Mapping[str, str] | None = None) -> ApiError:
    """Return the error for a status of HTTP, with its Retry-After."""
    after = (headers or {}).get("Retry-After", "")
    retry_after = float(after) if after.isdigit() else None
    return _ERRORS.get(status, ApiError)(status, message, retry_after=retry_after)


def message_of(body: bytes) -> str:
    """Return the message of a Status object, or the start of whatever was answered."""
    try:
        return str(orjson.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
