"""Posting to an HTTP API, with its errors told apart by whether another try makes sense."""

from __future__ import annotations

from typing import Any

import httpx

from shop_notification.channels.contract import TryAgainError, UndeliverableError


async def post(http: httpx.AsyncClient, path: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own
    """Post and answer the JSON. Raises TryAgainError and UndeliverableError."""
    try:
        response = await http.post(path, **request)
    except httpx.HTTPError as error:
        raise TryAgainError(repr(error)) from error
    summary = f"{response.status_code} {response.text[:200]}"
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
        raise TryAgainError(summary)
    if not response.is_success:
        raise UndeliverableError(summary)
    try:
        answer: dict[str, Any] = response.json()
    except ValueError as error:
        raise TryAgainError(f"not JSON: {summary}") from error
    return answer
