"""Posting to an HTTP API; its errors say who is to blame."""

from __future__ import annotations

from typing import Any

import httpx

from shop_notification.channels.protocol import Blame, SendError

_GONE = {httpx.codes.NOT_FOUND, httpx.codes.GONE}
_NOT_THE_MESSAGE = {
    httpx.codes.UNAUTHORIZED,
    httpx.codes.PAYMENT_REQUIRED,
    httpx.codes.FORBIDDEN,
    httpx.codes.REQUEST_TIMEOUT,
    httpx.codes.TOO_EARLY,
    httpx.codes.TOO_MANY_REQUESTS,
}
"""Of 4xx those that blame our account or the moment."""


async def post(http: httpx.AsyncClient, path: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own
    """Post and return the JSON object of the answer. Raises SendError."""
    try:
        response = await http.post(path, **request)
    except httpx.HTTPError as error:
        raise SendError(repr(error), blame=Blame.TEMPORARY) from error
    summary = f"{response.status_code} {response.text[:200]}"
    if response.is_client_error and response.status_code not in _NOT_THE_MESSAGE:
        is_gone = response.status_code in _GONE
        raise SendError(summary, blame=Blame.PERMANENT, is_gone=is_gone)
    if not response.is_success:
        raise SendError(summary, blame=Blame.TEMPORARY)
    try:
        answer = response.json()
    except ValueError as error:
        raise SendError(f"not JSON: {summary}", blame=Blame.TEMPORARY) from error
    if not isinstance(answer, dict):
        raise SendError(f"not an object: {summary}", blame=Blame.TEMPORARY)
    return answer
