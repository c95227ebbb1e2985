"""Wiring of the gateway."""

from shop_gateway.api import install_documents, router
from shop_gateway.balancer import Balancer
from shop_gateway.body import BodyLimits
from shop_gateway.cache import ResponseCache
from shop_gateway.consumers import empty_on_change
from shop_gateway.edge import EdgeMiddleware
from shop_gateway.identity import identify_by
from shop_gateway.proxy import Proxy
from shop_gateway.rate_limit import RateLimit, storage
from shop_gateway.routes import RouteTable, follow
from shop_gateway.settings import GatewaySettings
from shop_gateway.state import GatewayState
from shop_shared import cli
from shop_shared.http import health
from shop_shared.http.app import create_app
from shop_shared.http.app_state import set_state
from shop_shared.http.problems import Unavailable
from shop_shared.http.tokens import RedisRevocations, create_verifier
from shop_shared.server import Service
from shop_shared.stores.redis import check, create_redis


def create(settings: GatewaySettings) -> Service:
    """Put the gateway together; nothing connects yet."""
    balancer = Balancer()
    proxy = Proxy(
        balancer,
        deadline_seconds=settings.deadline_seconds,
        upload_seconds=settings.upload_seconds,
    )
    cache = ResponseCache()

    async def take(table: RouteTable) -> None:
        await balancer.update(table.upstreams)
        proxy.table = table
        cache.clear()

    async def has_routes() -> None:
        if not proxy.table.prefixes:
            raise Unavailable("no route table yet")

    redis = create_redis(settings)
    verifier = create_verifier(settings, revocations=RedisRevocations(redis))
    app = create_app(settings, title="Minishop gateway", verifier=verifier)
    set_state(app, GatewayState(proxy=proxy))
    app.include_router(router)
    health.install(app, required={"routes": has_routes}, degraded={"redis": check(redis)})
    install_documents(app)
    app.add_middleware(
        EdgeMiddleware,
        proxy=proxy,
        cache=cache,
        rate_limit=RateLimit(
            storage(redis),
            per_user=settings.rate_limit_user,
            per_address=settings.rate_limit_address,
        ),
        identify=identify_by(verifier),
        body_limits=BodyLimits(plain=settings.max_body_bytes, upload=settings.max_upload_bytes),
        trusted_proxies=settings.trusted_proxies,
    )
    return Service(
        app,
        background=[
            lambda: follow(settings.routes_file, take),
            balancer.refresh,
            lambda: empty_on_change(settings, cache),
        ],
        stopping=[proxy.stop],
        close=[proxy.close, redis.aclose],
    )


def main() -> None:
    """Run the command `shop-gateway`."""
    cli.run(GatewaySettings, create)
