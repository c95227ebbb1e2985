"""The users of MongoDB that databases need, without passwords: the operator sets those anew."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.errors import PyMongoError

from shop_cluster.backups.cut import Client
from shop_cluster.errors import ClusterError


@dataclass(frozen=True, kw_only=True)
class User:
    """A user of a database; its custom data is by what the operator knows whose it is."""

    name: str
    roles: Sequence[Mapping[str, str]]
    custom_data: Mapping[str, Any]


async def read_users(client: Client, database: str) -> list[User]:
    """Return a database's users. Raises ClusterError."""
    try:
        found = (await client[database].command("usersInfo"))["users"]
    except PyMongoError as error:
        raise ClusterError(f"MongoDB, users of {database}: {error}") from error
    return [
        User(name=each["user"], roles=each["roles"], custom_data=each.get("customData") or {})
        for each in found
    ]


async def create_missing(client: Client, database: str, users: Sequence[User]) -> None:
    """Make those users that are not there, as they were, with a password that nobody knows.

    Raises ClusterError.
    """
    there = {user.name for user in await read_users(client, database)}
    for user in users:
        if user.name in there:
            continue
        try:
            await client[database].command(
                "createUser",
                user.name,
                pwd=secrets.token_urlsafe(32),
                roles=[*user.roles],
                customData=dict(user.custom_data),
            )
        except PyMongoError as error:
            raise ClusterError(f"MongoDB, user {user.name} of {database}: {error}") from error
