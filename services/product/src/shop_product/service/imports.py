"""Bulk import: one product a line, found by its SKU, made or brought up to what the line says.

Lines are worked off some a transaction, so a cut connection leaves whole batches behind, and
sending the same file again finishes it: a line that changes nothing is ``unchanged``. A bad line
costs only itself.
"""

from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from pymongo.errors import BulkWriteError

from shop_product.events import created, updated
from shop_product.models import ImportLine, ProductCreate
from shop_product.repository import products
from shop_product.repository.store import Store, Tx
from shop_product.service import catalogue, images
from shop_shared.http.problems import Conflict, Unprocessable, from_validation
from shop_shared.http.request_limits import check_json
from shop_shared.messaging import mongo_events
from shop_shared.messaging.events import Event

BATCH = 200
MAX_LINE_BYTES = 256 * 1024
_TRIES = 3
Document = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """A line that can be worked on."""

    number: int
    wanted: ProductCreate


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """Cut a body into its lines, counted from 1; empty ones are left out.

    A byte-order mark of UTF-8 at the start is left out. A line over the limit comes cut to one byte
    more than the limit.
    """
    number, rest = 1, bytearray()
    async for chunk in _without_byte_order_mark(chunks):
        *whole, tail = chunk.split(b"\n")
        for piece in whole:
            rest += piece[: MAX_LINE_BYTES + 1 - len(rest)]
            if rest.strip():
                yield number, bytes(rest)
            number, rest = number + 1, bytearray()
        rest += tail[: MAX_LINE_BYTES + 1 - len(rest)]
    if rest.strip():
        yield number, bytes(rest)


async def _without_byte_order_mark(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    start = b""
    async for chunk in chunks:
        start += chunk
        if len(start) >= len(BOM_UTF8):
            yield start.removeprefix(BOM_UTF8)
            break
    else:
        yield start.removeprefix(BOM_UTF8)
    async for chunk in chunks:
        yield chunk


async def run(store: Store, chunks: AsyncIterator[bytes], *, by: UUID) -> AsyncIterator[ImportLine]:
    """Import what the body says and yield what became of each line, in order."""
    batch: list[Line] = []
    refused: list[ImportLine] = []

    async def work_off() -> list[ImportLine]:
        done = await _apply(store, batch, by=by) if batch else []
        both = sorted([*done, *refused], key=lambda result: result.line)
        batch.clear()
        refused.clear()
        return both

    async for number, text in lines(chunks):
        read = _read(number, text)
        if isinstance(read, ImportLine):
            refused.append(read)
            continue
        if len(batch) == BATCH or any(read.wanted.sku == line.wanted.sku for line in batch):
            for result in await work_off():
                yield result
        batch.append(read)
    for result in await work_off():
        yield result


def _read(number: int, text: bytes) -> Line | ImportLine:
    def invalid(errors: Sequence[Any]) -> ImportLine:
        return ImportLine(line=number, status="invalid", errors=list(errors))

    if len(text) > MAX_LINE_BYTES:
        return invalid([{"pointer": "", "message": f"more than {MAX_LINE_BYTES} bytes"}])
    try:
        check_json(text)
        wanted = ProductCreate.model_validate_json(text)
        catalogue.check_prices(wanted.price, wanted.other_prices)
    except ValidationError as error:
        return invalid(from_validation(error.errors()).errors or [])
    except Unprocessable as problem:
        return invalid(problem.errors or [])
    return Line(number, wanted)


async def _apply(store: Store, batch: Sequence[Line], *, by: UUID) -> list[ImportLine]:
    for _ in range(_TRIES):
        try:
            return await store.transaction(lambda tx: _apply_once(tx, batch, by=by))
        except BulkWriteError:
            # Someone else made one of the products between the look and the insert: look again.
            continue
    raise Conflict("Someone else imports the same products; send it again.")


async def _apply_once(tx: Tx, batch: Sequence[Line], *, by: UUID) -> list[ImportLine]:
    present = await products.by_sku(tx, [line.wanted.sku for line in batch])
    results: list[ImportLine] = []
    opened: list[tuple[Document, ProductCreate]] = []
    events: list[Event] = []
    for line in batch:
        before = present.get(line.wanted.sku)
        if before is None:
            document = catalogue.new_document(line.wanted)
            await _picture(tx, document, line.wanted)
            opened.append((document, line.wanted))
            events.append(created(document))
            results.append(_result(line, "created", document))
            continue
        document = {**before, **line.wanted.model_dump(exclude=catalogue.NOT_IN_DOCUMENT)}
        document["amounts"] = products.amounts(document)
        await _picture(tx, document, line.wanted)
        changes = {field: value for field, value in document.items() if before.get(field) != value}
        if changes:
            document = await products.update(tx, document["_id"], changes)
            events.append(updated(document))
        results.append(_result(line, "updated" if changes else "unchanged", document))
    if opened:
        await products.insert_all(tx, [document for document, _ in opened])
        await catalogue.open_stock(tx, opened, by=by)
    await mongo_events.publish(tx.session, tx.database, *events)
    return results


async def _picture(tx: Tx, document: Document, wanted: ProductCreate) -> None:
    if wanted.image_svg is not None:
        document |= await images.replace_main(tx, document, wanted.image_svg)


def _result(line: Line, status: Any, document: Document) -> ImportLine:  # noqa: ANN401 - a literal
    return ImportLine(
        line=line.number, status=status, sku=line.wanted.sku, id=UUID(document["_id"])
    )
