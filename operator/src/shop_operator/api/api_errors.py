"""Errors of the Kubernetes API."""

from collections.abc import Mapping
from typing import Final

import orjson


class ApiError(Exception):
    """The API server answered with an error; `status` is the HTTP status, 0 without an answer."""

    def __init__(self, status: int, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def temporary(self) -> bool:
        """True if the same request may succeed later."""
        return self.status in {0, 401, 408, 409, 429} or self.status >= 500  # noqa: PLR2004 - HTTP's


class NotFoundError(ApiError):
    """The object or the kind does not exist."""


class ConflictError(ApiError):
    """The object changed meanwhile, or already exists."""


_ERRORS: Final[dict[int, type[ApiError]]] = {404: NotFoundError, 409: ConflictError}


def error_of(status: int, message: str, headers: Mapping[str, str] | None = None) -> ApiError:
    """Return the error for an HTTP status, with the Retry-After header in seconds."""
    after = (headers or {}).get("Retry-After", "")
    retry_after = float(after) if after.isdigit() else None
    return _ERRORS.get(status, ApiError)(status, message, retry_after=retry_after)


def message_of(body: bytes) -> str:
    """Return the message of a Status object, or the first 200 bytes of any other body."""
    try:
        return str(orjson.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
