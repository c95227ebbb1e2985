"""JSON over HTTP to a provider, with its errors told apart by whether the money may have moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from shop_payment.providers.protocol import (
    OutcomeUnknownError,
    RefusedError,
    UnavailableError,
)

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


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
    accept: Iterable[int] = (),
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
        raise UnavailableError(f"{method} {path}: {type(error).__name__}") from error
    except httpx.HTTPError as error:
        raise OutcomeUnknownError(f"{method} {path}: {type(error).__name__}") from error
    status = response.status_code
    if response.is_success or status in accept:
        return status, _decoded(response)
    summary = f"{method} {path}: {status} {response.text[:300]}"
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise UnavailableError(summary)
    if status in {httpx.codes.REQUEST_TIMEOUT, httpx.codes.CONFLICT} or response.is_server_error:
        raise OutcomeUnknownError(summary)
    raise RefusedError(summary)


def _decoded(response: httpx.Response) -> Any:  # noqa: ANN401 - a provider's JSON is what it is
    if not response.content:
        return {}
    try:
        return response.json()
    except ValueError as error:
        raise OutcomeUnknownError(f"{response.url}: an answer that is no JSON") from error
