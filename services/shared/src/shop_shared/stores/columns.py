"""Columns that the tables of several modules have."""

from datetime import datetime

import sqlalchemy as sa


def inserted_at(name: str) -> sa.Column[datetime]:
    """Return a column of the moment at which a row came in, indexed for what purges old rows."""
    return sa.Column(
        name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now(), index=True
    )
