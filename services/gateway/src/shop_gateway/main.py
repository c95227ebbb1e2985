"""Wiring of the gateway."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from shop_gateway import security_headers
from shop_gateway.api import install_pages, router
from shop_gateway.balancer import Balancer
from shop_gateway.body import BodyLimits
from shop_gateway.cache import ResponseCache
from shop_gateway.consumers import empty_on_change
from shop_gateway.documents import ShopDocument
from shop_gateway.edge import EdgeMiddleware
from shop_gateway.encoding import CompressResponses
from shop_gateway.identity import identify_by
from shop_gateway.proxy import Proxy
from shop_gateway.rate_limit import RateLimit, storage
from shop_gateway.room import Limits
from shop_gateway.routes import RouteTable, follow
from shop_gateway.settings import GatewaySettings
from shop_gateway.state import GatewayState
from shop_gateway.streaming import AnswerStreams
from shop_gateway.trusted_proxies import ForwardedHeaders, TrustedProxies
from shop_shared import cli
from shop_shared.http import health
from shop_shared.http.app import create_app
from shop_shared.http.app_state import set_state
from shop_shared.http.problems import Unavailable
from shop_shared.http.security_headers import SecurityHeaders
from shop_shared.http.slow_readers import PublicHttpProtocol
from shop_shared.http.tokens import RedisRevocations, create_verifier
from shop_shared.server import Service
from shop_shared.stores.redis import check, create_redis

CORS_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
CORS_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "traceparent",
)
CORS_ANSWER_HEADERS = (
    "Age",
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
)


def create(settings: GatewaySettings) -> Service:
    """Put the gateway together; nothing connects yet."""
    balancer = Balancer(
        limits=Limits(
            at_once=settings.max_at_once,
            waiting=settings.max_waiting,
            wait_seconds=settings.wait_seconds,
        )
    )
    proxy = Proxy(
        balancer,
        deadline_seconds=settings.deadline_seconds,
        upload_seconds=settings.upload_seconds,
    )
    cache = ResponseCache()
    streams = AnswerStreams()
    proxies = TrustedProxies(settings.trusted_proxies, hosts=settings.trusted_proxy_hosts)

    async def take(table: RouteTable) -> None:
        await balancer.update(table.upstreams)
        proxy.table = table
        cache.clear()

    async def has_routes() -> None:
        if not proxy.table.prefixes:
            raise Unavailable("no route table yet")

    redis = create_redis(settings)
    verifier = create_verifier(
        settings, revocations=RedisRevocations(redis, prefix=settings.redis_key_prefix)
    )
    app = create_app(settings, title="Minishop gateway", verifier=verifier)
    app.include_router(router)
    health.install(app, required={"routes": has_routes}, degraded={"redis": check(redis)})
    set_state(app, GatewayState(proxy=proxy, document=ShopDocument(proxy, app.openapi())))
    install_pages(app)
    app.add_middleware(
        EdgeMiddleware,
        proxy=proxy,
        cache=cache,
        streams=streams,
        rate_limit=RateLimit(
            storage(redis, prefix=settings.redis_key_prefix),
            per_user=settings.rate_limit_user,
            per_address=settings.rate_limit_address,
        ),
        identify=identify_by(verifier),
        body_limits=BodyLimits(
            plain=settings.max_body_bytes,
            upload=settings.max_upload_bytes,
            seconds=settings.deadline_seconds,
            upload_seconds=settings.upload_seconds,
        ),
        max_streams=settings.max_streams,
    )
    _surround(app, settings, proxies)
    return Service(
        app,
        background=[
            lambda: follow(settings.routes_file, take),
            balancer.refresh,
            lambda: empty_on_change(settings, cache),
            *([proxies.refresh] if settings.trusted_proxy_hosts else []),
        ],
        stopping=[streams.stop],
        close=[proxy.close, redis.aclose],
        protocol=PublicHttpProtocol,
    )


def _surround(app: FastAPI, settings: GatewaySettings, proxies: TrustedProxies) -> None:
    """Add what every answer passes on its way out, innermost first."""
    app.add_middleware(CompressResponses)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=CORS_METHODS,
            allow_headers=CORS_REQUEST_HEADERS,
            expose_headers=CORS_ANSWER_HEADERS,
            max_age=3600,
        )
    app.add_middleware(SecurityHeaders, of_path=security_headers.of_path)
    # Whom an ingress or the storefront asks for: the rightmost address that is none of ours.
    app.add_middleware(ForwardedHeaders, proxies=proxies)


def main() -> None:
    """Run the command `shop-gateway`."""
    cli.run(GatewaySettings, create)
