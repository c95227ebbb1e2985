"""The shop's public API, as the storefront calls it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from shop_shared.http.retry import RetryTransport
from shop_shared.models import in_one_line
from shop_shared.observability.trace_context import current_traceparent
from shop_storefront.wording import API_UNREACHABLE

_log = structlog.get_logger(__name__)

Json = dict[str, Any]
Query = Mapping[str, str | int | bool]

UNAUTHENTICATED = 401
NOT_FOUND = 404
CONFLICT = 409
TOO_MANY_REQUESTS = 429
_LIMITS = httpx.Limits(max_connections=200, max_keepalive_connections=50)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API: its JSON (empty where there is none) and its entity tag."""

    data: Json
    etag: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """A body that is no JSON, and its media type."""

    data: bytes
    media_type: str


class ApiError(Exception):
    """The API answered with a problem (RFC 9457), or not at all (status 503, `unreachable`)."""

    def __init__(
        self, status: int, *, code: str, detail: str, errors: Sequence[Mapping[str, str]] = ()
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)

    def by_field(self) -> dict[str, str]:
        """Return the first message of each field: `/shipping_address/city` counts as `city`."""
        found: dict[str, str] = {}
        for error in self.errors:
            found.setdefault(error.get("pointer", "").rsplit("/", 1)[-1], error.get("message", ""))
        return found


class ShopApi:
    """A client of the gateway; one for the process."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=timeout,
            transport=RetryTransport(httpx.AsyncHTTPTransport(limits=_LIMITS)),
        )

    async def call(  # noqa: PLR0913 - the parts of a request, by name
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        query: Query | None = None,
        body: object = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, its body as JSON unless `content`; return the answer. Raises ApiError."""
        if content is not None:
            headers = {**(headers or {}), "Content-Type": content.media_type}
        try:
            response = await self._http.request(
                method,
                path,
                params=dict(query) if query else None,
                json=body,
                content=content.data if content else None,
                headers=_headers(token, headers),
            )
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        if not response.is_success:
            raise _problem(response)
        return Answer(response.json() if response.content else {}, response.headers.get("etag"))

    @asynccontextmanager
    async def stream(
        self, path: str, *, token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Open an answer that is read as it comes. Raises ApiError."""
        request = self._http.build_request("GET", path, headers=_headers(token, headers))
        request.extensions["timeout"] = {"connect": 5, "read": None, "write": 5, "pool": 5}
        try:
            response = await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        try:
            if not response.is_success:
                await response.aread()
                raise _problem(response)
            yield response
        finally:
            await response.aclose()

    async def get_file(
        self, path: str, *, query: Query, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Return an answer that is no JSON, whatever its status. Raises ApiError."""
        try:
            return await self._http.get(path, params=dict(query), headers=_headers(None, headers))
        except httpx.HTTPError as error:
            raise _unreachable(error) from error

    async def check(self) -> None:
        """Raise ApiError unless the API answers."""
        await self.call("GET", "/livez")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _headers(token: str | None, headers: Mapping[str, str] | None) -> dict[bytes, bytes]:
    """Return the headers of a request, as octets: what browsers say is not always ASCII."""
    made = dict(headers or {})
    if token:
        made["Authorization"] = f"Bearer {token}"
    if traceparent := current_traceparent():
        made["traceparent"] = traceparent
    return {
        name.encode(): in_one_line(value).encode("latin-1", "replace")
        for name, value in made.items()
    }


def _unreachable(error: httpx.HTTPError) -> ApiError:
    _log.warning("the API does not answer", error=repr(error))
    return ApiError(503, code=API_UNREACHABLE, detail="The shop does not answer.")


def _problem(response: httpx.Response) -> ApiError:
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    return ApiError(
        response.status_code,
        code=str(problem.get("code", "unknown")),
        detail=str(problem.get("detail", response.reason_phrase)),
        errors=problem.get("errors") or (),
    )
