"""The gateway's own API: answers made of several services', the documents."""

from importlib.resources import files
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Query, Request, Security
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict

from shop_gateway.compose import Part, fetch_all
from shop_gateway.headers import first
from shop_gateway.identity import CALLER, Caller
from shop_gateway.state import State
from shop_shared.http.auth import bearer
from shop_shared.http.openapi import documented
from shop_shared.http.problems import NotFound, Problem, Unauthenticated, Unavailable
from shop_shared.http.tokens import SessionEnded

_READER = files("shop_gateway") / "reader"
_SWAGGER_UI = files("fastapi_swagger") / "resources"
_NO_ADDRESSES: list[str] = []


class Composed(BaseModel):
    """Parts by name: `{"status": "ok", "data": …}`, or `unavailable` with the reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "complete": True,
                    "parts": {"order": {"status": "ok", "data": {"status": "shipped"}}},
                }
            ]
        }
    )

    complete: bool
    parts: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, parts: dict[str, Part]) -> "Composed":
        """Put the parts together."""
        return cls(
            complete=all(part.ok for part in parts.values()),
            parts={name: part.as_json() for name, part in parts.items()},
        )


router = APIRouter()


@router.get(
    "/v1/orders/{order_id}/summary",
    tags=["gateway"],
    dependencies=[Security(bearer)],
    responses=documented(429),
)
async def order_summary(order_id: UUID, request: Request, state: State) -> Composed:
    """Return an order with its history, payments, returns, shipments and notifications."""
    if _caller(request).session_ended:
        raise SessionEnded
    authorization = first(request.headers.raw, b"authorization")
    if authorization is None:  # else nobody asks the services for nothing
        raise Unauthenticated("Send an access token as `Authorization: Bearer …`.")
    parts = await fetch_all(
        state.proxy,
        {
            "order": f"/v1/orders/{order_id}",
            "history": f"/v1/orders/{order_id}/history",
            "payments": f"/v1/payments?order_id={order_id}",
            "returns": f"/v1/returns?order_id={order_id}&limit=100",
            "shipments": f"/v1/shipments?order_id={order_id}",
            "notifications": f"/v1/notifications?order_id={order_id}",
        },
        authorization=authorization,
    )
    _required(parts["order"], authorization)
    return Composed.of(parts)


@router.get("/v1/home", tags=["gateway"], responses=documented(429))
async def home(request: Request, state: State) -> Composed:
    """Return what a shop's first page shows; with a token, the caller's last orders too."""
    targets = {"products": "/v1/products?limit=12"}
    authorization = first(request.headers.raw, b"authorization")
    ended = _caller(request).session_ended
    if authorization is not None and not ended:
        targets["orders"] = "/v1/orders?limit=5"
    parts = await fetch_all(state.proxy, targets, authorization=authorization)
    if ended:
        parts["orders"] = Part(SessionEnded.status, {"detail": SessionEnded().detail})
    return Composed.of(parts)


class RouteStatus(BaseModel):
    """A service's entry in force; of the addresses asked for, those its requests are sent to."""

    version: str
    addresses: list[str]


class RoutesStatus(BaseModel):
    """What this process serves, by the service's name."""

    routes: dict[str, RouteStatus]


@router.get("/routez", include_in_schema=False)
async def routes_status(
    state: State, address: Annotated[list[str], Query(max_length=200)] = _NO_ADDRESSES
) -> RoutesStatus:
    """Return the route table in force, as the operator asks for it before it says RouteReady.

    Of pods' addresses it tells those alone that the caller knows already.
    """
    served = state.proxy.served().items()
    return RoutesStatus(
        routes={
            name: RouteStatus(
                version=route.version, addresses=sorted(route.addresses.intersection(address))
            )
            for name, route in served
        }
    )


def install_pages(app: FastAPI) -> None:
    """Serve the shop's merged OpenAPI document, its reader (Swagger UI)."""
    # FastAPI's own document is the gateway's alone; the shop's takes its place.
    app.router.routes[:] = [
        route for route in app.router.routes if getattr(route, "path", None) != app.openapi_url
    ]

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(state: State) -> dict[str, Any]:
        return await state.document.get()

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(str(_READER / "index.html"))

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")

    app.mount("/docs/reader", StaticFiles(directory=str(_READER)), name="reader")
    app.mount("/docs/swagger-ui", StaticFiles(directory=str(_SWAGGER_UI)), name="swagger-ui")


def _caller(request: Request) -> Caller:
    """Return who calls, as the edge has found."""
    caller: Caller = request.scope[CALLER]
    return caller


def _required(part: Part, authorization: bytes) -> None:
    """Raise the problem that the part stands for, unless it is well.

    Of a token that does not count it says so, as the service does (RFC 6750, 3.1).
    """
    if part.ok:
        return
    detail = part.as_json()["reason"]
    problem: Problem
    match part.status:
        case 401:
            is_token = authorization[:7].lower() == b"bearer "
            problem = Unauthenticated(detail, error="invalid_token" if is_token else None)
        case 404:
            problem = NotFound(detail)
        case _:
            problem = Unavailable(detail)
    raise problem
