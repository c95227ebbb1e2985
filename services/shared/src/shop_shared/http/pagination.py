"""Cursor pagination: a page says where the next one starts, by value and not by number."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import MAXYEAR, MINYEAR, datetime
from operator import attrgetter
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Depends, Query
from pydantic import Field, TypeAdapter, ValidationError

from shop_shared.http.problems import Unprocessable
from shop_shared.models import ResponseModel

ItemT = TypeVar("ItemT")
RowT = TypeVar("RowT")

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most")]
Cursor = Annotated[
    str | None, Query(max_length=2000, description="`next_cursor` of the page before")
]


CursorPart = str | int | datetime | UUID


class NotACursor(Unprocessable):
    """A cursor that no page has given."""

    def __init__(self) -> None:
        """Name the parameter."""
        super().__init__(
            "The cursor is not one of ours.",
            errors=[{"pointer": "/query/cursor", "message": "not a cursor"}],
        )


class Page(ResponseModel, Generic[ItemT]):
    """One page of a list."""

    items: list[ItemT]
    next_cursor: str | None = Field(None, description="Absent on the last page")


def page_of(
    found: Sequence[RowT],
    *,
    limit: int,
    view: Callable[[RowT], ItemT],
    position: Callable[[RowT], CursorPart] = attrgetter("id"),
) -> Page[ItemT]:
    """Make a page of what was found when one more than its limit was asked for."""
    shown = found[:limit]
    return Page(
        items=[view(row) for row in shown],
        next_cursor=encode_cursor(position(shown[-1])) if len(found) > limit else None,
    )


def encode_cursor(*position: CursorPart) -> str:
    """Make the opaque cursor of the last item's sort key."""
    # default: asyncpg's UUIDs are of a subclass, which orjson does not know.
    encoded = orjson.dumps(position, default=str)
    return base64.urlsafe_b64encode(encoded).rstrip(b"=").decode()


def decode_cursor(cursor: str, *types: type[CursorPart]) -> tuple[Any, ...]:
    """Read a cursor back as values of these types, each within what a store can hold.

    Raises NotACursor on any other string.
    """
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = orjson.loads(text)
        adapter: TypeAdapter[tuple[Any, ...]] = TypeAdapter(tuple[types])  # type: ignore[valid-type]  # built from arguments
        position = adapter.validate_json(text) if isinstance(parts, list) else ()
    except (binascii.Error, ValueError, ValidationError) as error:
        raise NotACursor from error
    if len(position) != len(types) or not all(map(_can_be_stored, position)):
        raise NotACursor
    return position


def _can_be_stored(part: CursorPart) -> bool:
    match part:
        case int():
            return abs(part) < 2**63
        case str():
            return "\0" not in part
        case datetime():
            # Far from the ends, where a change of zone would overflow.
            return part.tzinfo is not None and MINYEAR < part.year < MAXYEAR
        case _:
            return True


async def _before(cursor: Cursor = None) -> UUID | None:
    return decode_cursor(cursor, UUID)[0] if cursor else None


Before = Annotated[UUID | None, Depends(_before)]
"""FastAPI dependency of lists by id, newest first: what `cursor` says the page comes before."""
