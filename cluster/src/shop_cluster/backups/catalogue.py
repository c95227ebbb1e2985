"""What a backup holds: `catalogue.json` in its folder, and a checksum of each of its files."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bson import json_util

from shop_cluster.backups.mongodb_users import User
from shop_cluster.backups.roles import Role
from shop_cluster.errors import ClusterError

FORMAT: Final = 1
_NAME: Final = "catalogue.json"
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A collection of MongoDB, or a view (of which there is no file)."""

    name: str
    options: Mapping[str, Any]
    indexes: Sequence[Mapping[str, Any]]
    documents: int
    file: str
    """Empty for a view."""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What was there at the cut. Files' names are relative to the backup's folder."""

    at: datetime
    waited: float
    """Seconds for which writers of events waited."""
    roles: Sequence[Role]
    postgres: Mapping[str, str]
    """The dump of each database, by its name."""
    mongodb: Mapping[str, Sequence[Collection]]
    users: Mapping[str, Sequence[User]]
    """Of MongoDB, by the database that they are of."""
    checksums: Mapping[str, str]
    """SHA-256 of each file, in hexadecimal."""

    def write(self, folder: Path) -> None:
        """Write it to a backup's folder."""
        text = json_util.dumps(
            {
                "format": FORMAT,
                "at": self.at.isoformat(),
                "waited_seconds": self.waited,
                "roles": [role.as_json() for role in self.roles],
                "postgres": dict(self.postgres),
                "mongodb": {
                    name: [vars(each) for each in found] for name, found in self.mongodb.items()
                },
                "users": {
                    name: [vars(each) for each in found] for name, found in self.users.items()
                },
                "checksums": dict(self.checksums),
            },
            json_options=json_util.CANONICAL_JSON_OPTIONS,
            indent=1,
        )
        (folder / _NAME).write_text(text)


def read(folder: Path) -> Catalogue:
    """Read and check a backup, each file of it.

    Raises:
        ClusterError: it is none, of another format, or not whole.

    """
    try:
        found = json_util.loads((folder / _NAME).read_text())
    except FileNotFoundError:
        raise ClusterError(f"{folder} is no backup: it has no {_NAME}") from None
    except ValueError as error:
        raise ClusterError(f"{folder / _NAME} is damaged: {error}") from error
    if found.get("format") != FORMAT:
        raise ClusterError(
            f"{folder} is a backup of format {found.get('format')}, this reads format {FORMAT}"
        )
    for name, expected in found["checksums"].items():
        if not (folder / name).is_file():
            raise ClusterError(f"{folder} is not whole: {name} is missing")
        if checksum(folder / name) != expected:
            raise ClusterError(f"{folder} is damaged: {name} is not what was written")
    return Catalogue(
        at=datetime.fromisoformat(found["at"]),
        waited=found["waited_seconds"],
        roles=[Role(**role) for role in found["roles"]],
        postgres=found["postgres"],
        mongodb={
            name: [Collection(**each) for each in listed]
            for name, listed in found["mongodb"].items()
        },
        users={name: [User(**each) for each in listed] for name, listed in found["users"].items()},
        checksums=found["checksums"],
    )


def checksum(file: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
