"""JSON over HTTP to a provider, with its errors told apart by who is to blame."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import httpx

from shop_payment.providers.protocol import (
    DeclinedError,
    NotAuthorisedError,
    NotSentError,
    OutcomeUnknownError,
    ProviderError,
    UnreadableError,
)

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
NOT_AUTHORISED = frozenset({401, 403})
DECLINED = frozenset({400, 402, 412, 422})
STILL_AT_WORK = frozenset({408, 409, 425})
TOO_MANY = 429


def client(
    base_url: str, *, timeout: float, auth: httpx.BasicAuth | None = None
) -> httpx.AsyncClient:
    """Make the client of one provider: its own pool, so that it can exhaust no other's."""
    return httpx.AsyncClient(base_url=base_url, timeout=timeout, auth=auth)


async def call(  # noqa: PLR0913 - what a request consists of
    http: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    json: Mapping[str, Any] | None = None,
    form: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    auth: httpx.Auth | None = None,
    accept: Container[int] = (),
) -> tuple[int, Any]:
    """Answer (status, decoded JSON) for 2xx and those in `accept`; else raise a ProviderError."""
    try:
        response = await http.request(
            method,
            path,
            json=json,
            data=form,
            params=params,
            headers=headers,
            auth=auth if auth is not None else httpx.USE_CLIENT_DEFAULT,
        )
    except _NEVER_SENT as error:
        raise NotSentError(f"{method} {path}: {type(error).__name__}") from error
    except httpx.HTTPError as error:
        raise OutcomeUnknownError(f"{method} {path}: {type(error).__name__}") from error
    status = response.status_code
    summary = f"{method} {path}: {status} {response.text[:300]}"
    decoded = _decoded(response)
    if (response.is_success or status in accept) and decoded is not None:
        return status, decoded
    raise error_of_status(status, summary, readable=isinstance(decoded, dict))


def error_of_status(status: int, summary: str, *, readable: bool) -> ProviderError:
    """Return the error that an HTTP status means; `readable` if the body is a JSON object.

    A 4xx that no provider documents as its answer to our calls (404 on a POST, 405, 415), or that
    carries no JSON object, comes from something else on the way: it decides nothing.
    """
    if status in NOT_AUTHORISED:
        return NotAuthorisedError(summary)
    if status == TOO_MANY:
        return NotSentError(summary)
    if status in STILL_AT_WORK or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return OutcomeUnknownError(summary)
    if status in DECLINED and readable:
        return DeclinedError(summary)
    return UnreadableError(summary)


def _decoded(response: httpx.Response) -> Any:  # noqa: ANN401 - a provider's JSON is what it is
    """Return the body's JSON, or None where it is none."""
    try:
        return response.json()
    except ValueError:
        return None
