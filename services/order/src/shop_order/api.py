"""The order service over HTTP."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_order import domain, models, order_number, repository, service
from shop_order.state import State
from shop_order.tracking import Tracker
from shop_shared.http.auth import Principal, permit
from shop_shared.http.engine_state import Engine
from shop_shared.http.etag import IfMatch, IfNoneMatch, etag, not_modified, set_etag
from shop_shared.http.idempotency import idempotency_key, idempotent, point_to
from shop_shared.http.openapi import documented, sends
from shop_shared.http.pagination import Before, Limit, Page, page_of
from shop_shared.http.problems import NotFound, Unprocessable
from shop_shared.stores.postgres import transaction

router = APIRouter(prefix="/v1/orders", tags=["orders"])


LastEventId = Annotated[int, Header(ge=0, le=2**31 - 1, description="The last entry's seq seen")]


async def _visible_order(
    order_id: UUID, caller: Annotated[Principal, permit("read", "order")], engine: Engine
) -> domain.Order:
    """Return the order if the caller may see it; other people's do not exist for them."""
    owner = caller.owner_filter()
    async with engine.connect() as connection:
        order = await repository.find(connection, order_id, customer_id=owner)
    if order is None:
        raise NotFound("No such order.")
    return order


def _parsed(number: str) -> str:
    """Return a typed order number as it is stored. Raises Unprocessable."""
    try:
        return order_number.parse(number)
    except order_number.MistypedNumberError as error:
        errors = [{"pointer": "/query/number", "message": str(error)}]
        raise Unprocessable("No order has this number.", errors=errors) from error


@router.post(
    "",
    status_code=201,
    response_model=models.Order,
    responses=documented(409) | sends(201, "Location", "Idempotent-Replayed"),
)
async def place_order(
    wanted: models.PlaceOrder,
    caller: Annotated[Principal, permit("create", "order")],
    key: Annotated[str, Depends(idempotency_key)],
    state: State,
) -> Response:
    """Place an order. It is `pending` until the stock has answered; prices are the catalogue's."""

    async def place(connection: AsyncConnection) -> models.Order:
        # Not before: an order that was placed is answered again, whatever is offered since.
        service.require_offered(wanted.payment, state.settings.payment_methods, pointer="/payment")
        order = await service.place(
            connection,
            wanted,
            customer_id=caller.user_id,
            pending_timeout=state.settings.pending_timeout,
        )
        return models.order_view(order)

    response = await idempotent(
        state.engine, key=key, scope=f"{caller.user_id} POST /v1/orders", request=wanted, work=place
    )
    return point_to(response, "/v1/orders")


@router.get("")
async def list_orders(  # noqa: PLR0913 - a parameter a part of the request
    caller: Annotated[Principal, permit("read", "order")],
    engine: Engine,
    *,
    limit: Limit = 20,
    before: Before = None,
    status: Annotated[domain.Status | None, Query(description="In this state only")] = None,
    number: Annotated[
        str | None,
        Query(max_length=40, description="The order of this number", examples=["ms7k3q 9f25"]),
    ] = None,
    customer_id: Annotated[UUID | None, Query(description="For staff: whose orders")] = None,
) -> Page[models.Order]:
    """List orders, newest first: one's own; for staff everybody's.

    A `number` is found as people write it: without case, spaces or dashes, O for 0, I or L for 1.
    """
    async with engine.connect() as connection:
        orders = await repository.page(
            connection,
            customer_id=caller.owner_filter(customer_id),
            status=status,
            number=None if number is None else _parsed(number),
            before=before,
            limit=limit + 1,
        )
    return page_of(orders, limit=limit, view=models.order_view)


@router.get(
    "/{order_id}",
    response_model=models.Order,
    responses={304: {"description": "Not modified"}, **documented(404)},
)
async def get_order(
    order: Annotated[domain.Order, Depends(_visible_order)],
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> Any:  # noqa: ANN401 - an order, or 304
    """Read an order."""
    if not_modified(if_none_match, order.version):
        return Response(status_code=304, headers={"ETag": etag(order.version)})
    set_etag(response, order.version)
    return models.order_view(order)


@router.get("/{order_id}/history", responses=documented(404))
async def get_history(
    order: Annotated[domain.Order, Depends(_visible_order)], engine: Engine
) -> models.History:
    """Read every change of an order and what caused it."""
    async with engine.connect() as connection:
        entries = await repository.history(connection, order.id)
    return models.History(items=tuple(map(models.HistoryEntry.model_validate, entries)))


@router.post("/{order_id}/cancel", responses=documented(404, 409, 412))
async def cancel_order(
    order_id: UUID,
    caller: Annotated[Principal, permit("cancel", "order")],
    engine: Engine,
    response: Response,
    if_match: IfMatch = None,
) -> models.Order:
    """Cancel an order: at once before payment, once the parcel is stopped after it."""
    async with transaction(engine) as connection:
        order = await service.cancel(
            connection,
            order_id,
            actor=caller.user_id,
            staff=not caller.only_own,
            if_match=if_match,
        )
    set_etag(response, order.version)
    return models.order_view(order)


@router.post(
    "/{order_id}/payments",
    status_code=202,
    response_model=models.Order,
    responses=documented(404, 409) | sends(202, "Idempotent-Replayed"),
)
async def retry_payment(
    chosen: models.RetryPayment,
    order_id: UUID,
    caller: Annotated[Principal, permit("pay", "order")],
    key: Annotated[str, Depends(idempotency_key)],
    state: State,
) -> Response:
    """Pay another way, once a payment has failed and until `pay_by`: the stock is still held.

    Answered once the payment is under way; 409 where no payment has failed.
    """

    async def retry(connection: AsyncConnection) -> models.Order:
        order = await service.retry_payment(
            connection,
            order_id,
            chosen,
            actor=caller.user_id,
            methods=state.settings.payment_methods,
        )
        return models.order_view(order)

    scope = f"{caller.user_id} POST /v1/orders/{order_id}/payments"
    response = await idempotent(
        state.engine, key=key, scope=scope, request=chosen, work=retry, status=202
    )
    set_etag(response, orjson.loads(response.body)["version"])
    return response


@router.patch("/{order_id}", responses=documented(404, 409, 412, 428))
async def change_order(  # noqa: PLR0913 - a parameter a part of the request
    order_id: UUID,
    change: models.ChangeOrder,
    caller: Annotated[Principal, permit("update", "order")],
    engine: Engine,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> models.Order:
    """Change where an unpaid order goes."""
    async with transaction(engine) as connection:
        order = await service.change_address(
            connection,
            order_id,
            change.shipping_address,
            actor=caller.user_id,
            staff=not caller.only_own,
            if_match=if_match,
        )
    set_etag(response, order.version)
    return models.order_view(order)


async def _admitted(state: State) -> AsyncIterator[Tracker]:
    with state.tracker.admitted():  # until the answer is sent
        yield state.tracker


@router.get(
    "/{order_id}/events", response_class=EventSourceResponse, responses=documented(404, 429)
)
async def follow_order(
    order: Annotated[domain.Order, Depends(_visible_order)],
    tracker: Annotated[Tracker, Depends(_admitted)],
    last_event_id: LastEventId = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Follow an order live: its history so far, then each change as it comes, until it is settled.

    An event's id is the entry's seq: a client that connects again goes on where it was.
    """
    async for entry in tracker.follow(order.id, after=last_event_id):
        data = models.HistoryEntry.model_validate(entry)
        yield ServerSentEvent(id=str(data.seq), event=data.status, data=data)
