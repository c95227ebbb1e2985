"""Returns over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_order.domain.returns import ReturnStatus
from shop_order.returns import models, repository, service
from shop_order.state import State
from shop_shared.http.auth import Principal, permit
from shop_shared.http.engine_state import Engine
from shop_shared.http.etag import IfMatch, IfNoneMatch, etag, not_modified, set_etag
from shop_shared.http.idempotency import idempotency_key, idempotent, point_to
from shop_shared.http.openapi import documented, sends
from shop_shared.http.pagination import Before, Limit, Page, page_of
from shop_shared.http.problems import NotFound
from shop_shared.stores.postgres import transaction

router = APIRouter(tags=["returns"])


@router.post(
    "/v1/orders/{order_id}/returns",
    status_code=201,
    response_model=models.Return,
    responses=documented(404, 409) | sends(201, "Location", "Idempotent-Replayed"),
)
async def request_return(
    wanted: models.RequestReturn,
    order_id: UUID,
    caller: Annotated[Principal, permit("create", "return")],
    key: Annotated[str, Depends(idempotency_key)],
    state: State,
) -> Response:
    """Ask to send delivered goods back, some or all of them; staff decide."""

    async def make(connection: AsyncConnection) -> models.Return:
        made = await service.request(
            connection,
            order_id,
            wanted,
            owner=caller.owner_filter(),
            window=state.settings.return_window,
        )
        return models.return_view(made)

    scope = f"{caller.user_id} POST /v1/orders/{order_id}/returns"
    response = await idempotent(state.engine, key=key, scope=scope, request=wanted, work=make)
    return point_to(response, "/v1/returns")


@router.get("/v1/returns")
async def list_returns(  # noqa: PLR0913 - a parameter a part of the request
    caller: Annotated[Principal, permit("read", "return")],
    engine: Engine,
    *,
    limit: Limit = 20,
    before: Before = None,
    order_id: Annotated[UUID | None, Query(description="Of this order only")] = None,
    status: Annotated[ReturnStatus | None, Query(description="In this state only")] = None,
    customer_id: Annotated[UUID | None, Query(description="For staff: whose returns")] = None,
) -> Page[models.Return]:
    """List returns, newest first: one's own; for staff everybody's."""
    async with engine.connect() as connection:
        found = await repository.page(
            connection,
            customer_id=caller.owner_filter(customer_id),
            order_id=order_id,
            status=status,
            before=before,
            limit=limit + 1,
        )
    return page_of(found, limit=limit, view=models.return_view)


@router.get(
    "/v1/returns/{return_id}",
    response_model=models.Return,
    responses={304: {"description": "Not modified"}, **documented(404)},
)
async def get_return(
    return_id: UUID,
    caller: Annotated[Principal, permit("read", "return")],
    engine: Engine,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> Any:  # noqa: ANN401 - a return, or 304
    """Read a return."""
    async with engine.connect() as connection:
        found = await repository.find(connection, return_id, customer_id=caller.owner_filter())
    if found is None:
        raise NotFound("No such return.")
    if not_modified(if_none_match, found.version):
        return Response(status_code=304, headers={"ETag": etag(found.version)})
    set_etag(response, found.version)
    return models.return_view(found)


@router.post("/v1/returns/{return_id}/approve", responses=documented(404, 409, 412))
async def approve_return(
    return_id: UUID,
    _caller: Annotated[Principal, permit("decide", "return")],
    engine: Engine,
    response: Response,
    if_match: IfMatch = None,
) -> models.Return:
    """Let the customer send the goods (staff)."""
    async with transaction(engine) as connection:
        changed = await service.approve(connection, return_id, if_match=if_match)
    set_etag(response, changed.version)
    return models.return_view(changed)


@router.post("/v1/returns/{return_id}/refuse", responses=documented(404, 409, 412))
async def refuse_return(
    return_id: UUID,
    wanted: models.RefuseReturn,
    _caller: Annotated[Principal, permit("decide", "return")],
    engine: Engine,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> models.Return:
    """Do not take the goods back, and tell the customer why (staff)."""
    async with transaction(engine) as connection:
        changed = await service.refuse(connection, return_id, wanted.reason, if_match=if_match)
    set_etag(response, changed.version)
    return models.return_view(changed)


@router.post("/v1/returns/{return_id}/receive", responses=documented(404, 409, 412))
async def receive_return(
    return_id: UUID,
    wanted: models.ReceiveReturn,
    _caller: Annotated[Principal, permit("decide", "return")],
    engine: Engine,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> models.Return:
    """Say that the goods are here: their money goes back, and they to the shelf if so (staff)."""
    async with transaction(engine) as connection:
        changed = await service.receive(
            connection, return_id, restock=wanted.restock, if_match=if_match
        )
    set_etag(response, changed.version)
    return models.return_view(changed)
