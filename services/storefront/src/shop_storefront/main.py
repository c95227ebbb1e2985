"""Wiring of the storefront."""

from dataclasses import replace

from fastapi import Depends, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shop_shared import cli
from shop_shared.http import health
from shop_shared.http.app import BodyLimits, create_app
from shop_shared.http.app_state import set_state
from shop_shared.http.security_headers import SecurityHeaders
from shop_shared.http.slow_readers import PublicHttpProtocol
from shop_shared.server import Service
from shop_shared.stores.redis import check, create_redis
from shop_storefront import error_pages, languages, pages, security_headers, staff
from shop_storefront.api_client import ShopApi
from shop_storefront.baskets import BasketStore
from shop_storefront.forms import require_token
from shop_storefront.live_streams import LiveStreams
from shop_storefront.rendering import STATIC, Renderer, static_version
from shop_storefront.sessions import SessionStore
from shop_storefront.settings import Settings
from shop_storefront.staff import pictures
from shop_storefront.state import StorefrontState
from shop_storefront.visit import require_staff

FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
MAX_FORM_BYTES = 256 * 1024


def create(settings: Settings) -> Service:
    """Put the storefront together; nothing connects yet."""
    redis = create_redis(settings)
    api = ShopApi(settings.api_url, timeout=settings.api_timeout_seconds)
    streams = LiveStreams()
    limits = BodyLimits(max_bytes=MAX_FORM_BYTES, media_types=FORMS, check_json=False)
    uploads = replace(limits, max_bytes=pictures.MAX_UPLOAD_BYTES)
    app = create_app(
        settings,
        title="Minishop storefront",
        bodies=replace(limits, paths={pictures.UPLOAD_PATH: uploads}),
    )
    error_pages.install(app)
    health.install(app, required={"redis": check(redis)}, degraded={"api": api.check})
    set_state(
        app,
        StorefrontState(
            settings=settings,
            api=api,
            sessions=SessionStore(redis, api, prefix=settings.redis_key_prefix),
            baskets=BasketStore(redis, prefix=settings.redis_key_prefix),
            renderer=Renderer(languages.load()),
            streams=streams,
        ),
    )
    # Staff first: nobody else's upload is even read.
    for routers, required in (
        (pages.ROUTERS, [Depends(require_token)]),
        (staff.ROUTERS, [Depends(require_staff), Depends(require_token)]),
    ):
        for router in routers:
            app.include_router(router, dependencies=required, include_in_schema=False)
    app.mount("/static", _CachedForEver(directory=str(STATIC)), name="static")
    _surround(app, settings)
    return Service(
        app,
        stopping=[streams.stop],
        close=[api.close, redis.aclose],
        protocol=PublicHttpProtocol,
    )


class _CachedForEver(StaticFiles):
    """Files whose address has their version.

    Another version is asked for while a release rolls out: this one is not to be kept in its place.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if scope["query_string"] == f"v={static_version(path)}".encode():
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _surround(app: FastAPI, settings: Settings) -> None:
    """Add what every answer passes on its way out."""
    app.add_middleware(SecurityHeaders, of_path=security_headers.of_path)
    # An ingress says for whom it asks, and whether by TLS: the cookie is Secure then.
    app.add_middleware(
        ProxyHeadersMiddleware,
        trusted_hosts=[str(network) for network in settings.trusted_proxies],
    )


def run() -> None:
    """Run the command `shop-storefront`."""
    cli.run(Settings, create)
