"""Posting to an HTTP API; its errors say who is to blame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from shop_notification.channels.protocol import Blame, SendError

_GONE = b"UNREGISTERED"
"""How FCM says that a device is gone (https://firebase.google.com/docs/cloud-messaging/error-codes).

A 404 alone is as well that of a project or account that our settings misname.
"""
_NOT_THE_MESSAGE = {
    httpx.codes.UNAUTHORIZED,
    httpx.codes.PAYMENT_REQUIRED,
    httpx.codes.FORBIDDEN,
    httpx.codes.NOT_FOUND,
    httpx.codes.METHOD_NOT_ALLOWED,
    httpx.codes.REQUEST_TIMEOUT,
    httpx.codes.TOO_EARLY,
    httpx.codes.TOO_MANY_REQUESTS,
}
"""Of 4xx those that blame our account or the moment; FCM's SENDER_ID_MISMATCH is a 403, too."""


async def post(
    http: httpx.AsyncClient,
    path: str,
    *,
    is_ours: Callable[[httpx.Response], bool] = lambda _: False,
    **request: Any,  # noqa: ANN401 - httpx's own
) -> dict[str, Any]:
    """Post and return the JSON object of the answer. Raises SendError.

    `is_ours` says of a refusal that it blames our account, not the message.
    """
    try:
        response = await http.post(path, **request)
    except httpx.HTTPError as error:
        raise SendError(repr(error), blame=Blame.TEMPORARY) from error
    summary = f"{response.status_code} {response.text[:200]}"
    if response.is_client_error and _GONE in response.content:
        raise SendError(summary, blame=Blame.PERMANENT, is_gone=True)
    is_no = response.is_client_error and response.status_code not in _NOT_THE_MESSAGE
    if is_no and not is_ours(response):
        raise SendError(summary, blame=Blame.PERMANENT)
    if not response.is_success:
        raise SendError(summary, blame=Blame.TEMPORARY)
    try:
        answer = response.json()
    except ValueError as error:
        raise SendError(f"not JSON: {summary}", blame=Blame.TEMPORARY) from error
    if not isinstance(answer, dict):
        raise SendError(f"not an object: {summary}", blame=Blame.TEMPORARY)
    return answer
