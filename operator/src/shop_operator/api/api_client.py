"""The client of the Kubernetes API. Why no library: docs/adr/0020-api-client.md."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import parse_qsl

import aiohttp
import kopf
import orjson

from shop_operator.api.api_errors import ApiError, NotFoundError, error_of, message_of
from shop_operator.api.kinds import POD, SHOP_SERVICE, Kind, kind_of
from shop_operator.api.session import Session, Sessions
from shop_operator.metadata import MANAGER, Manifest
from shop_operator.metrics import API_ERRORS, API_WRITES

_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_REQUEST = aiohttp.ClientTimeout(total=30, connect=10)
_LOG = aiohttp.ClientTimeout(total=5)  # the kubelet answers, and its node may be gone
_LOG_LINES = 20
_LOG_BYTES = 65536
_SILENCE_SECONDS = 90
"""A watch with bookmarks receives something each minute; after longer silence it is dead."""
_UNAUTHORIZED: Final = 401
_NEVER: Final = "1"
"""A resource version that no object can have: etcd's first revision is never an object's."""


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    content: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    limits: aiohttp.ClientTimeout = _REQUEST


class ApiClient:
    """A pool of connections to the API server, with the few verbs that the operator needs."""

    def __init__(self, login: Callable[[], kopf.ConnectionInfo]) -> None:
        self._sessions = Sessions(login)
        self._parsing = asyncio.Lock()
        """Held while a large answer is read and parsed: several at once would need the memory."""

    async def __aenter__(self) -> Self:
        await self._sessions.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._sessions.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """Return an object.

        Raises NotFoundError, ApiError.
        """
        return await self._json("GET", kind.path(namespace, name))

    async def read(self, path: str) -> Manifest:
        """Return a document of the API server's own, such as its OpenAPI. Raises ApiError."""
        path, _, query = path.partition("?")
        return await self._large(path, dict(parse_qsl(query)))

    async def list(
        self, kind: Kind, namespace: str, *, labels: str = "", recent: bool = False
    ) -> Manifest:
        """Return a list, from the server's watch cache unless it must be the most recent.

        Raises NotFoundError when the kind is unknown, ApiError.
        """
        query = {"labelSelector": labels, "resourceVersion": "" if recent else "0"}
        return _object(await self._large(kind.path(namespace), query))

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

    async def merge(  # noqa: PLR0913 - what and where, then keyword-only
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Mapping[str, Any],
        *,
        dry_run: bool = False,
        manager: str = MANAGER,
    ) -> Manifest:
        """Apply a JSON merge patch (RFC 7396). Raises ApiError."""
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        else:
            API_WRITES.labels("merge", kind.kind).inc()
        return await self._json("PATCH", kind.path(namespace, name), query, patch, _MERGE)

    async def patch(
        self, kind: Kind, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]
    ) -> Manifest:
        """Apply a JSON patch (RFC 6902).

        Raises ConflictError if it names another version, ApiError.
        """
        API_WRITES.labels("patch", kind.kind).inc()
        query = {"fieldManager": MANAGER}
        return await self._json("PATCH", kind.path(namespace, name), query, operations, _JSON_PATCH)

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

    async def log(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        """Return the end of a container's log, or of its previous run's. Raises ApiError."""
        query = {
            "container": container,
            "tailLines": str(_LOG_LINES),
            "limitBytes": str(_LOG_BYTES),
            "previous": "true" if previous else "",
        }
        path = POD.path(namespace, pod, "log")
        try:
            async with await self._send(_Request("GET", path, query, limits=_LOG)) as answer:
                return (await answer.read()).decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(0, f"no log of pod {pod}: {error!r}") from error

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
                        event, found = _event(line)
                        if event == "ERROR":
                            raise error_of(found.get("code", 500), found.get("message", ""))
                        yield event, found
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(0, f"watch of {kind} cut: {error!r}") from error

    async def _large(self, path: str, query: Mapping[str, str]) -> Manifest:
        try:
            async with await self._send(_Request("GET", path, query)) as answer, self._parsing:
                return _document(await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unanswered(error) from error

    async def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        content: str = "application/json",
    ) -> Manifest:
        try:
            async with await self._send(_Request(method, path, query, body, content)) as answer:
                return _object(_document(await answer.read()))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unanswered(error) from error

    async def _send(self, request: "_Request") -> aiohttp.ClientResponse:
        session = await self._sessions.current()
        answer = await _ask(session, request)
        if answer.status == _UNAUTHORIZED:
            another = await self._sessions.replace(session)
            if another is not session:
                answer.release()
                answer = await _ask(another, request)
        if answer.ok:
            return answer
        async with answer:
            API_ERRORS.labels(str(answer.status)).inc()
            raise error_of(answer.status, message_of(await answer.read()), answer.headers)


def _document(body: bytes) -> Manifest:
    """Return the JSON in an answer. Raises ApiError: a proxy's page is no answer."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _stranger(body) from error
    if not isinstance(found, dict):
        raise _stranger(body)
    return found


def _object(document: object) -> Manifest:
    """Return it if it is an object of Kubernetes'. Raises ApiError."""
    if isinstance(document, dict) and "kind" in document:
        return document
    raise _stranger(orjson.dumps(document))


def _event(line: bytes) -> tuple[str, Manifest]:
    """Return type and object of a line of a watch. Raises ApiError."""
    event = _document(line)
    return str(event.get("type")), _object(event.get("object"))


def _stranger(said: bytes) -> ApiError:
    start = said[:60].decode(errors="replace")
    return ApiError(0, f"no API server answers, but something that says {start!r}")


def _unanswered(error: Exception) -> ApiError:
    API_ERRORS.labels("0").inc()
    return ApiError(0, f"no answer from the API server: {error!r}")


async def _ask(session: Session, request: _Request) -> aiohttp.ClientResponse:
    content = {} if request.body is None else {"Content-Type": request.content}
    answer = await session.http.request(
        request.method,
        session.url(request.path),
        params={name: value for name, value in (request.query or {}).items() if value},
        data=None if request.body is None else orjson.dumps(request.body),
        headers=session.headers | content | dict(request.headers),
        timeout=request.limits,
    )
    session.keep(answer)
    session.proven = session.proven or answer.status != _UNAUTHORIZED
    return answer
