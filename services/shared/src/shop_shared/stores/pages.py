"""Pages of a table by its UUIDv7 ids, newest first (see `http.pagination`)."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa


def newest_first(
    table: sa.Table, *, before: UUID | None, limit: int, **equal: object
) -> sa.Select[Any]:
    """Select rows from before an id, newest first; a column given by name has to equal its value.

    None as a value asks for nothing.
    """
    statement = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(table.c.id < before)
    return statement.where(
        *(table.c[name] == value for name, value in equal.items() if value is not None)
    )
