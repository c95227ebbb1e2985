"""Routes whose answers come from the list cache, before FastAPI reads and checks the query."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from shop_product.list_cache import Answer
from shop_product.state import ProductState
from shop_shared.http.app_state import get_state
from shop_shared.http.etag import etag, not_modified


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
            lists = get_state(request.app, ProductState).lists
            answer = lists.get(cache_key(request))
            if answer is not None:
                return render(answer, request.headers.get("if-none-match"))
            return await handle(request)

        return look_first
