"""The gateway's own API: answers made of several services', documents, the storefront."""

from importlib.resources import files
from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request, Security
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict

from shop_gateway.compose import Part, fetch_all
from shop_gateway.documents import merged_openapi
from shop_gateway.headers import inbound
from shop_gateway.state import State
from shop_shared.http.auth import bearer
from shop_shared.http.problems import NotFound, Problem, Unauthenticated, Unavailable

_STOREFRONT = files("shop_gateway") / "storefront"


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


@router.get("/v1/orders/{order_id}/summary", tags=["gateway"], dependencies=[Security(bearer)])
async def order_summary(order_id: UUID, request: Request, state: State) -> Composed:
    """Return an order with its payment, shipment and notifications in one answer."""
    parts = await fetch_all(
        state.proxy,
        {
            "order": f"/v1/orders/{order_id}",
            "payments": f"/v1/payments?order_id={order_id}",
            "shipments": f"/v1/shipments?order_id={order_id}",
            "notifications": f"/v1/notifications?order_id={order_id}",
        },
        inbound(request.headers.raw),
    )
    _required(parts["order"])
    return Composed.of(parts)


@router.get("/v1/home", tags=["gateway"])
async def home(request: Request, state: State) -> Composed:
    """Return what a shop's first page shows; with a token, the caller's last orders too."""
    targets = {"products": "/v1/products?limit=12"}
    if "authorization" in request.headers:
        targets["orders"] = "/v1/orders?limit=5"
    return Composed.of(await fetch_all(state.proxy, targets, inbound(request.headers.raw)))


def install_documents(app: FastAPI) -> None:
    """Serve the shop's merged OpenAPI document, its reader and the storefront."""
    own = app.openapi()
    # FastAPI's own reader and document are the gateway's alone; the shop's take their places.
    taken = {app.openapi_url, app.docs_url}
    app.router.routes[:] = [r for r in app.router.routes if getattr(r, "path", None) not in taken]

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(state: State) -> dict[str, Any]:
        return await merged_openapi(state.proxy, own)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(openapi_url="/openapi.json", title="Minishop")

    @app.get("/", include_in_schema=False)
    async def storefront() -> FileResponse:
        return FileResponse(str(_STOREFRONT / "index.html"))

    app.mount("/shop", StaticFiles(directory=str(_STOREFRONT)), name="storefront")


def _required(part: Part) -> None:
    """Raise the problem that the part stands for, unless it is well."""
    if part.ok:
        return
    detail = part.as_json()["reason"]
    problem: Problem
    match part.status:
        case 401:
            problem = Unauthenticated(detail)
        case 404:
            problem = NotFound(detail)
        case _:
            problem = Unavailable(detail)
    raise problem
