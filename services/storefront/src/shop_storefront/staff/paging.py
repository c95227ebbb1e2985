"""Lists of the API as pages of the staff's."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query

from shop_storefront.visit import Visit

PAGE_SIZE = 50
Cursor = Annotated[str, Query(max_length=500)]
Word = Annotated[str, Query(max_length=200)]


async def read_page(
    visit: Visit, path: str, here: str, *, cursor: str, **asked: str
) -> dict[str, Any]:
    """Return `items`, and `next_url` of the same page with the next of them. Raises ApiError."""
    kept = {name: value for name, value in asked.items() if value}
    query: dict[str, str | int | bool] = {**kept, "limit": PAGE_SIZE}
    if cursor:
        query["cursor"] = cursor
    found = await visit.get(path, query)
    following = found.get("next_cursor")
    return {
        "items": found["items"],
        "next_url": f"{here}?" + urlencode({**kept, "cursor": following}) if following else None,
    }
