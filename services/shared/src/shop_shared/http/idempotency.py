"""Idempotency keys: a POST that is sent again is answered again, and done once.

As Stripe does it (https://docs.stripe.com/api/idempotent_requests). The key's row is written in
the transaction of the effect, under an advisory lock: there is no state "begun" that a crash
could leave behind.

A request is what its caller sent: a field that a later version adds, and fills in by its default,
leaves the same bytes the same request.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

import orjson
import sqlalchemy as sa
from fastapi import Header, Response
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shop_shared.clock import now
from shop_shared.http.etag import set_etag
from shop_shared.http.problems import BadRequest, Conflict, Unprocessable
from shop_shared.stores.columns import inserted_at

KEEP = timedelta(hours=24)
MAX_LENGTH = 255


class IdempotencyKeyMissing(BadRequest):
    """The header is required here."""

    code, title = "idempotency_key_missing", "Idempotency-Key required"


class IdempotencyKeyInvalid(BadRequest):
    """Too long, empty or not printable ASCII."""

    code, title = "idempotency_key_invalid", "Idempotency-Key not valid"


class IdempotencyKeyReused(Unprocessable):
    """The key came with another body before."""

    code, title = "idempotency_key_reused", "Idempotency-Key used for another request"


class RequestInProgress(Conflict):
    """The same request is being worked on."""

    code, title = "request_in_progress", "The same request is still running"


async def idempotency_key(
    idempotency_key: Annotated[str | None, Header(description="≤ 255 characters")] = None,
) -> str:
    """FastAPI dependency: the required `Idempotency-Key`. Raises 400 problems."""
    if idempotency_key is None:
        raise IdempotencyKeyMissing("Send an Idempotency-Key: any string, new for each intent.")
    if not 1 <= len(idempotency_key) <= MAX_LENGTH:
        raise IdempotencyKeyInvalid(f"1 to {MAX_LENGTH} characters.")
    if not (idempotency_key.isascii() and idempotency_key.isprintable()):
        raise IdempotencyKeyInvalid("Printable ASCII characters only.")
    return idempotency_key


def idempotency_table(metadata: sa.MetaData) -> sa.Table:
    """Add the table `idempotency_keys` to metadata: one row an answered request."""
    return sa.Table(
        "idempotency_keys",
        metadata,
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request_hash", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        inserted_at("created_at"),
    )


def create_idempotency_table(connection: sa.Connection) -> None:
    """Create `idempotency_keys`, in a migration."""
    idempotency_table(sa.MetaData()).create(connection)


_keys = idempotency_table(sa.MetaData())
# Made once: putting a statement together is a good part of what each request costs.
_LOCK = sa.text("SELECT pg_try_advisory_xact_lock(:number)")
_FIND = sa.select(_keys.c.request_hash, _keys.c.status, _keys.c.body).where(
    _keys.c.scope == sa.bindparam("this_scope"),
    _keys.c.key == sa.bindparam("this_key"),
    _keys.c.created_at > sa.bindparam("since"),
)
_insert = pg_insert(_keys)
_STORE = _insert.on_conflict_do_update(
    index_elements=["scope", "key"],
    set_={
        name: _insert.excluded[name] for name in ("request_hash", "status", "body", "created_at")
    },
)

Work = Callable[[AsyncConnection], Awaitable[BaseModel]]


async def idempotent(  # noqa: PLR0913 - keyword-only, each of its own kind
    engine: AsyncEngine,
    *,
    key: str,
    scope: str,
    request: BaseModel,
    work: Work,
    status: int = 201,
) -> Response:
    """Do work once for (scope, key) and answer with its model; the second time, replay.

    Scope names the caller and the operation: f"{user_id} POST /v1/orders". What work raises is
    rolled back and not kept: the caller may try again. Raises RequestInProgress (409) and
    IdempotencyKeyReused (422).
    """
    digest = _hash(request, only_sent=True)
    async with engine.begin() as connection:
        if not await _lock(connection, scope, key):
            raise RequestInProgress("Wait for its answer, then send it again.")
        this = {"this_scope": scope, "this_key": key, "since": now() - KEEP}
        found = await connection.execute(_FIND, this)
        if kept := found.one_or_none():
            # The version before hashed defaults too: its keys are there for a day after its end.
            if kept.request_hash not in (digest, _hash(request, only_sent=False)):
                raise IdempotencyKeyReused("A key belongs to one body.")
            return _answer(kept.status, kept.body, replayed=True)
        answer = await work(connection)
        body = answer.__pydantic_serializer__.to_json(answer)
        row = {"request_hash": digest, "status": status, "body": body, "created_at": now()}
        await connection.execute(_STORE, {"scope": scope, "key": key, **row})
    return _answer(status, body, replayed=False)


def point_to(response: Response, collection: str) -> Response:
    """Name where what `idempotent` made is, and its version: `Location` and `ETag` of its body.

    Collection: the path that its id comes behind.
    """
    made = orjson.loads(response.body)
    response.headers["Location"] = f"{collection}/{made['id']}"
    set_etag(response, made["version"])
    return response


async def purge(connection: AsyncConnection) -> int:
    """Delete the keys older than a day and return how many."""
    result = await connection.execute(sa.delete(_keys).where(_keys.c.created_at < now() - KEEP))
    return result.rowcount


def _hash(request: BaseModel, *, only_sent: bool) -> bytes:
    body = request.__pydantic_serializer__.to_json(request, exclude_unset=only_sent)
    return hashlib.sha256(body).digest()


async def _lock(connection: AsyncConnection, scope: str, key: str) -> bool:
    digest = hashlib.sha256(f"{scope}\n{key}".encode()).digest()
    number = int.from_bytes(digest[:8], signed=True)
    return bool(await connection.scalar(_LOCK, {"number": number}))


def _answer(status: int, body: bytes, *, replayed: bool) -> Response:
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return Response(body, status_code=status, headers=headers, media_type="application/json")
