"""Attributes of a role: what it may do beside what was granted to it.

Source: PostgreSQL manual, "Role Attributes".
"""

from collections.abc import Mapping
from typing import Any, Final

_NAMES: Final = {
    "rolsuper": "SUPERUSER",
    "rolcreaterole": "CREATEROLE",
    "rolcreatedb": "CREATEDB",
    "rolbypassrls": "BYPASSRLS",
    "rolreplication": "REPLICATION",
}
"""By the columns of `pg_roles`."""


def changes(live: Mapping[str, Any], wanted: str = "") -> str:
    """Return the options of ALTER ROLE that leave a role one attribute, or none; "" if it is so.

    Only what differs is named: some attributes a superuser alone may name.
    """
    return " ".join(
        name if name == wanted else f"NO{name}"
        for column, name in _NAMES.items()
        if live[column] != (name == wanted)
    )
