"""Answers to the hottest questions, kept for a moment, found before anything is parsed.

A list is asked for far more often than it changes. Its bytes are kept under the raw query string
for about a second (other replicas' changes show by then) and dropped at once on a change made here.
Callers that ask the same while it is being made wait for the one answer.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from shop_shared.http.etag import etag, not_modified

MAX_ENTRIES = 1_000
MAX_KEY_BYTES = 512


@dataclass(frozen=True, slots=True)
class Answer:
    """A list as it goes over the wire."""

    body: bytes
    tag: str
    until: float


class ListCache:
    """Answers by path and raw query, each for ``seconds``."""

    def __init__(self, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._answers: dict[str, Answer] = {}
        self._under_way: dict[str, asyncio.Future[Answer | None]] = {}
        self._version = 0

    def get(self, key: str) -> Answer | None:
        """Return the answer that still counts."""
        answer = self._answers.get(key)
        return answer if answer is not None and answer.until > self._clock() else None

    def clear(self) -> None:
        """Forget everything: the catalogue changed here."""
        self._version += 1
        self._answers.clear()
        self._under_way.clear()

    async def answer(self, key: str, make: Callable[[], Awaitable[bytes]]) -> Answer:
        """Return the answer for ``key``, made once for all who ask meanwhile."""
        while (waiting := self._under_way.get(key)) is not None:
            made = await asyncio.shield(waiting)
            if made is not None:
                return made
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        version, made = self._version, None
        try:
            body = await make()
            made = Answer(
                body,
                hashlib.blake2b(body, digest_size=12).hexdigest(),
                self._clock() + self._seconds,
            )
            if version == self._version and len(key) <= MAX_KEY_BYTES:
                self._keep(key, made)
            return made
        finally:
            if self._under_way.get(key) is future:
                del self._under_way[key]
            future.set_result(made)

    def _keep(self, key: str, answer: Answer) -> None:
        self._answers.pop(key, None)
        while len(self._answers) >= MAX_ENTRIES:
            del self._answers[next(iter(self._answers))]
        self._answers[key] = answer


def cache_key(request: Request) -> str:
    """Return what tells two questions apart."""
    return f"{request.url.path}?{request.url.query}"


def render(answer: Answer, if_none_match: str | None) -> Response:
    """Make the response: 304 when the caller has it already."""
    fresh = "public, max-age=1, stale-while-revalidate=1"
    headers = {"ETag": etag(answer.tag), "Cache-Control": fresh}
    if not_modified(if_none_match, answer.tag):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, headers=headers, media_type="application/json")


class CachedRoute(APIRoute):
    """A route whose kept answers go out before FastAPI reads and checks the query."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Look into the app's cache first."""
        handle = super().get_route_handler()

        async def look_first(request: Request) -> Response:
            lists: ListCache = request.app.state.lists
            answer = lists.get(cache_key(request))
            if answer is not None:
                return render(answer, request.headers.get("if-none-match"))
            return await handle(request)

        return look_first
