"""The client of the Kubernetes API. Why no library: docs/adr/0020-api-client.md."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import kopf
import orjson

from shop_operator.api.api_errors import ApiError, NotFoundError, error_of, message_of
from shop_operator.api.connection import tls
from shop_operator.api.kinds import SHOP_SERVICE, Kind, kind_of
from shop_operator.metadata import MANAGER, Manifest
from shop_operator.metrics import API_ERRORS, API_WRITES

_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_MERGE = "application/merge-patch+json"
_REQUEST = aiohttp.ClientTimeout(total=30, connect=10)
_SILENCE_SECONDS = 90
"""A watch with bookmarks receives something each minute; after longer silence it is dead."""
_LOGIN_SECONDS = 300
_NEVER: Final = "1"
"""A resource version that no object can have: etcd's first revision is never an object's."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    content: str = "application/json"
    limits: aiohttp.ClientTimeout = _REQUEST


class ApiClient:
    """A pool of connections to the API server, with the few verbs that the operator needs."""

    def __init__(self, login: Callable[[], kopf.ConnectionInfo]) -> None:
        self._login = login
        self._logged_in = 0.0
        self._session: aiohttp.ClientSession | None = None
        self._server = ""
        self._headers: dict[str, str] = {}
        self.listing = asyncio.Semaphore(2)
        """Hold this while processing a list: lists need the most memory."""

    async def __aenter__(self) -> Self:
        connection = await self._refresh()
        connector = aiohttp.TCPConnector(
            limit=0,  # watches hold a connection each; requests are bounded by the workers
            ssl=await asyncio.to_thread(tls, connection),
        )
        self._session = aiohttp.ClientSession(connector=connector, timeout=_REQUEST)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """Return an object.

        Raises NotFoundError, ApiError.
        """
        return await self._json("GET", kind.path(namespace, name))

    async def list(
        self, kind: Kind, namespace: str, *, labels: str = "", recent: bool = False
    ) -> Manifest:
        """Return a list, from the server's watch cache unless it must be the most recent.

        Raises NotFoundError when the kind is unknown, ApiError.
        """
        query = {"labelSelector": labels, "resourceVersion": "" if recent else "0"}
        return await self._json("GET", kind.path(namespace), query)

    async def apply(
        self,
        manifest: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str = MANAGER,
        force: bool = True,
    ) -> Manifest:
        """Server-side apply with strict field validation; return the resulting object.

        Conflicts are forced, as the operator owns the fields that it sets. Without `force`,
        ConflictError is raised if another manager owns a field with another value.
        Raises ApiError.
        """
        kind = kind_of(manifest)
        metadata = manifest["metadata"]
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        if force:
            query["force"] = "true"
        if dry_run:
            query["dryRun"] = "All"
        else:
            API_WRITES.labels("apply", kind.kind).inc()
        path = kind.path(metadata["namespace"], metadata["name"])
        return await self._json("PATCH", path, query, manifest, _APPLY)

    async def apply_new(self, manifest: Mapping[str, Any]) -> Manifest:
        """Create by server-side apply. Raises ConflictError if the object exists, ApiError.

        A resourceVersion that no object can have makes the API server refuse an update.
        """
        metadata = {**manifest["metadata"], "resourceVersion": _NEVER}
        return await self.apply({**manifest, "metadata": metadata})

    async def apply_status(self, manifest: Mapping[str, Any]) -> Manifest:
        """Apply a ShopService's status. Raises ApiError."""
        API_WRITES.labels("apply_status", SHOP_SERVICE.kind).inc()
        metadata = manifest["metadata"]
        path = SHOP_SERVICE.path(metadata["namespace"], metadata["name"], "status")
        query = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        return await self._json("PATCH", path, query, manifest, _APPLY)

    async def merge(
        self, kind: Kind, namespace: str, name: str, patch: Mapping[str, Any]
    ) -> Manifest:
        """Apply a JSON merge patch (RFC 7396). Raises ApiError."""
        API_WRITES.labels("merge", kind.kind).inc()
        query = {"fieldManager": MANAGER}
        return await self._json("PATCH", kind.path(namespace, name), query, patch, _MERGE)

    async def create(self, kind: Kind, namespace: str, manifest: Mapping[str, Any]) -> Manifest:
        """Create an object. Raises ConflictError when it exists, ApiError."""
        API_WRITES.labels("create", kind.kind).inc()
        return await self._json("POST", kind.path(namespace), {"fieldManager": MANAGER}, manifest)

    async def replace(self, kind: Kind, manifest: Mapping[str, Any]) -> Manifest:
        """Replace an object whose resourceVersion is still the given. Raises ConflictError."""
        API_WRITES.labels("replace", kind.kind).inc()
        metadata = manifest["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"])
        return await self._json("PUT", path, {"fieldManager": MANAGER}, manifest)

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        """Delete that very object; one that is gone already is fine. Raises ApiError."""
        API_WRITES.labels("delete", kind.kind).inc()
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            await self._json("DELETE", kind.path(namespace, name), None, body)
        except NotFoundError:
            return

    async def watch(
        self, kind: Kind, namespace: str, *, version: str, labels: str, seconds: int
    ) -> AsyncIterator[tuple[str, Manifest]]:
        """Yield (type, object) after a resource version, bookmarks too, for `seconds`.

        Raises ApiError, also when the version is too old: list again.
        """
        query = {
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "labelSelector": labels,
            "timeoutSeconds": str(seconds),
        }
        limits = aiohttp.ClientTimeout(total=None, connect=10, sock_read=_SILENCE_SECONDS)
        request = _Request("GET", kind.path(namespace), query, limits=limits)
        try:
            async with await self._send(request) as answer:
                rest = b""
                async for chunk in answer.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        event = orjson.loads(line)
                        if event["type"] == "ERROR":
                            status = event["object"]
                            raise error_of(status.get("code", 500), status.get("message", ""))
                        yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            raise ApiError(0, f"watch of {kind} cut: {error!r}") from error

    async def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content: str = "application/json",
    ) -> Manifest:
        try:
            async with await self._send(_Request(method, path, query, body, content)) as answer:
                found: Manifest = orjson.loads(await answer.read())
                return found
        except (aiohttp.ClientError, TimeoutError) as error:
            API_ERRORS.labels("0").inc()
            raise ApiError(0, f"no answer from the API server: {error!r}") from error

    async def _send(self, request: "_Request") -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("the client is used outside of its `async with`")
        if time.monotonic() - self._logged_in > _LOGIN_SECONDS:
            await self._refresh()
        content = {} if request.body is None else {"Content-Type": request.content}
        answer = await self._session.request(
            request.method,
            self._server + request.path,
            params={name: value for name, value in (request.query or {}).items() if value},
            data=None if request.body is None else orjson.dumps(request.body),
            headers=self._headers | content,
            timeout=request.limits,
        )
        if answer.ok:
            return answer
        async with answer:
            API_ERRORS.labels(str(answer.status)).inc()
            if answer.status == 401:  # noqa: PLR2004 - HTTP's
                self._logged_in = 0.0
            raise error_of(answer.status, message_of(await answer.read()), answer.headers)

    async def _refresh(self) -> kopf.ConnectionInfo:
        connection = await asyncio.to_thread(self._login)
        self._server = (connection.server or "").rstrip("/")
        self._headers = {"User-Agent": MANAGER, "Accept": "application/json"}
        if connection.token:
            self._headers["Authorization"] = f"Bearer {connection.token}"
        self._logged_in = time.monotonic()
        return connection
