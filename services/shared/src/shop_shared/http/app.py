"""The FastAPI application every service starts from: problems, limits, metrics, health."""

from fastapi import FastAPI

from shop_shared.http import openapi, problems
from shop_shared.http.deadline import EnforceDeadline
from shop_shared.http.head import HeadAsGet
from shop_shared.http.request_limits import BodyLimits, LimitBodies
from shop_shared.http.request_log import ObserveRequests
from shop_shared.http.tokens import TokenVerifier, create_verifier
from shop_shared.messaging.asyncapi import Contract, document
from shop_shared.observability import telemetry
from shop_shared.settings import ServiceSettings

__all__ = ["BodyLimits", "create_app"]


def create_app(  # noqa: PLR0913 - keyword-only, each of its own kind
    settings: ServiceSettings,
    *,
    title: str,
    version: str = "0.1.0",
    bodies: BodyLimits | None = None,
    contract: Contract | None = None,
    verifier: TokenVerifier | None = None,
) -> FastAPI:
    """Make the app: every error a problem, bodies checked before they are parsed, /metrics.

    Bodies: what may be sent where (JSON up to 1 MiB unless told). Contract: the events, served as
    /asyncapi.json. Verifier: for tokens, by the settings' `jwks_url` unless told.
    """
    app = FastAPI(
        title=title,
        version=version,
        docs_url=None,  # the gateway's reader shows every service's document
        redoc_url=None,
        redirect_slashes=False,
        openapi_url="/openapi.json",
    )
    app.state.settings = settings
    app.state.token_verifier = verifier or create_verifier(settings)
    problems.install(app)
    openapi.install(app)
    telemetry.install_metrics(app)
    if contract is not None:
        asyncapi = document(contract, title=title, version=version)

        async def get_asyncapi() -> dict[str, object]:
            return asyncapi

        app.add_api_route("/asyncapi.json", get_asyncapi, include_in_schema=False)
    app.add_middleware(LimitBodies, limits=bodies or BodyLimits())
    app.add_middleware(EnforceDeadline)
    app.add_middleware(HeadAsGet)
    app.add_middleware(ObserveRequests)
    return app
