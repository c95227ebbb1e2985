"""The shipping service over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, Security
from fastapi.security import APIKeyHeader
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.clock import now
from shop_shared.http.auth import Principal, bearer, current_user, permit, require
from shop_shared.http.engine_state import Engine
from shop_shared.http.etag import IfMatch, IfNoneMatch, etag, not_modified, set_etag
from shop_shared.http.openapi import documented, sends
from shop_shared.http.pagination import Before, Limit, Page, page_of
from shop_shared.http.policies import scopes_for
from shop_shared.http.problems import NotFound
from shop_shared.stores.postgres import transaction
from shop_shipping import domain, models, repository, service, signatures, tracking_number
from shop_shipping.repository import Intent
from shop_shipping.state import State

router = APIRouter(prefix="/v1", tags=["shipments"])


@router.get("/shipments")
async def list_shipments(  # noqa: PLR0913 - a parameter a part of the request
    caller: Annotated[Principal, permit("read", "shipment")],
    engine: Engine,
    *,
    limit: Limit = 20,
    before: Before = None,
    order_id: Annotated[UUID | None, Query(description="Of this order only")] = None,
    status: Annotated[domain.Status | None, Query(description="In this state only")] = None,
    customer_id: Annotated[UUID | None, Query(description="For staff: whose shipments")] = None,
) -> Page[models.Shipment]:
    """List shipments, newest first: one's own; for staff everybody's."""
    async with engine.connect() as connection:
        found = await repository.page(
            connection,
            customer_id=caller.owner_filter(customer_id),
            order_id=order_id,
            status=status,
            before=before,
            limit=limit + 1,
        )
    return page_of(found, limit=limit, view=models.shipment_view)


@router.get(
    "/shipments/{shipment_id}",
    response_model=models.ShipmentInFull,
    responses={304: {"description": "Not modified"}, **documented(404)},
)
async def get_shipment(
    shipment_id: UUID,
    caller: Annotated[Principal, permit("read", "shipment")],
    engine: Engine,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> Any:  # noqa: ANN401 - a shipment, or 304
    """Read a shipment and its way so far."""
    owner = caller.owner_filter()
    async with engine.connect() as connection:
        shipment = await repository.find(connection, shipment_id, customer_id=owner)
        if shipment is None:
            raise NotFound("No such shipment.")
        if not_modified(if_none_match, shipment.version):
            return Response(status_code=304, headers={"ETag": etag(shipment.version)})
        steps = await repository.progress(connection, shipment_id)
    set_etag(response, shipment.version)
    progress = tuple(map(models.Progress.model_validate, steps))
    return models.ShipmentInFull(**dict(models.shipment_view(shipment)), progress=progress)


@router.post("/shipments", status_code=201, responses=documented(403, 409) | sends(201, "Location"))
async def create_shipment(
    wanted: models.CreateShipment,
    _: Annotated[Principal, permit("create", "shipment")],
    state: State,
    response: Response,
) -> models.Shipment:
    """Send a parcel by hand, for an order that has none."""
    async with transaction(state.engine) as connection:
        shipment = await service.create_by_hand(connection, wanted, carrier=state.carrier.name)
    response.headers["Location"] = f"/v1/shipments/{shipment.id}"
    set_etag(response, shipment.version)
    return models.shipment_view(shipment)


@router.patch("/shipments/{shipment_id}", responses=documented(403, 404, 409, 412, 428))
async def change_shipment(
    shipment_id: UUID,
    change: models.ChangeShipment,
    _: Annotated[Principal, permit("update", "shipment")],
    engine: Engine,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> models.Shipment:
    """Change where a parcel goes that has not left."""
    async with transaction(engine) as connection:
        shipment = await service.change_address(
            connection, shipment_id, change.address, if_match=if_match
        )
    set_etag(response, shipment.version)
    return models.shipment_view(shipment)


_carrier_signature = APIKeyHeader(
    name="Carrier-Signature",
    scheme_name="carrier",
    auto_error=False,
    description="t=<unix seconds>,v1=<HMAC-SHA256 of `t.shipment_id.body`, hex>",
)


async def _reporter(
    shipment_id: UUID,
    request: Request,
    state: State,
    carrier_signature: Annotated[str | None, Security(_carrier_signature)],
    _token: Annotated[object, Security(bearer, scopes=scopes_for("record_scan", "shipment"))],
) -> str:
    """Return who reports a scan: a carrier that signed it, or staff."""
    secret_setting = state.settings.carrier_secret
    if carrier_signature is not None and secret_setting is not None:
        secret = secret_setting.get_secret_value()
        body = await request.body()
        signatures.verify(secret, carrier_signature, shipment_id, body, at=now())
        return "carrier"
    require(await current_user(request), "record_scan", "shipment")
    return "staff"


@router.post("/shipments/{shipment_id}/events", responses=documented(404))
async def report_scan(
    shipment_id: UUID,
    scan: models.ReportScan,
    reporter: Annotated[str, Depends(_reporter)],
    engine: Engine,
    response: Response,
) -> models.Shipment:
    """Report that a carrier saw a parcel. A scan that is older than the last changes nothing."""
    async with transaction(engine) as connection:
        shipment = await service.lock(connection, shipment_id)
        after = await service.handle_events(
            connection, shipment, [scan.to_domain()], intent=Intent(now()), source=reporter
        )
    set_etag(response, after.version)
    return models.shipment_view(after)


@router.get(
    "/track/{number}",
    tags=["tracking"],
    response_model=models.Tracking,
    responses=documented(404),
)
async def track(number: str, state: State) -> Response:
    """Follow a parcel by its number; anyone may. An answer may be some seconds old."""
    number = number.upper()
    if not tracking_number.is_valid(number):
        raise NotFound("No such tracking number; please check its characters.")
    body = await state.cache.get(f"track:{number}")
    if body is None:
        body = await _tracking(state.engine, number)
        await state.cache.put(f"track:{number}", body)
    fresh = f"public, max-age={state.settings.tracking_cache_seconds}"
    return Response(body, media_type="application/json", headers={"Cache-Control": fresh})


async def _tracking(engine: AsyncEngine, number: str) -> bytes:
    async with engine.connect() as connection:
        shipment = await repository.find_number(connection, number)
        if shipment is None:
            raise NotFound("No such tracking number.")
        steps = await repository.progress(connection, shipment.id)
    seen = models.Tracking(
        tracking_number=number,
        carrier=shipment.carrier,
        status=shipment.status,
        progress=tuple(map(models.Progress.model_validate, steps)),
    )
    return seen.model_dump_json().encode()
