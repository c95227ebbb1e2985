"""The auth service, wired."""

import httpx
from fastapi import Request, Response
from redis.exceptions import RedisError

from shop_auth import api, consumers
from shop_auth.attempts import SignInAttempts
from shop_auth.key_source import KeySource
from shop_auth.repository import SessionStore
from shop_auth.service import Auth, Issuer
from shop_auth.settings import Settings
from shop_auth.state import AuthState
from shop_auth.users import Users
from shop_shared import cli
from shop_shared.http import health, problems
from shop_shared.http.app import create_app
from shop_shared.http.app_state import set_state
from shop_shared.http.retry import RetryTransport
from shop_shared.http.tokens import RedisRevocations, create_verifier
from shop_shared.messaging.asyncapi import Contract
from shop_shared.messaging.consumer import NoInbox, consumer_of
from shop_shared.server import Service
from shop_shared.stores.redis import check, create_redis

CONTRACT = Contract(subscriptions=consumers.subscriptions())


def create(settings: Settings) -> Service:
    """Wire the service; nothing connects before it is served."""
    redis = create_redis(settings, decode=True)
    users_client = httpx.AsyncClient(
        transport=RetryTransport(),
        base_url=settings.user_url,
        timeout=settings.user_timeout_seconds,
    )
    keys = KeySource(settings, redis)
    issuer = Issuer(settings, keys)
    sessions = SessionStore(
        redis,
        prefix=settings.key_prefix,
        access_ttl_s=settings.access_token_seconds,
        grace_s=settings.refresh_grace_seconds,
    )
    app = create_app(
        settings,
        title="Minishop auth",
        contract=CONTRACT,
        verifier=create_verifier(
            settings,
            revocations=RedisRevocations(redis, prefix=settings.redis_key_prefix, fail_closed=True),
            fetch=keys.jwks,
        ),
    )
    auth = Auth(
        settings=settings,
        issuer=issuer,
        sessions=sessions,
        attempts=SignInAttempts(
            redis,
            prefix=settings.key_prefix,
            limit=settings.password_tries,
            window_s=settings.password_window_seconds,
        ),
        users=Users(users_client, issuer.service_token),
    )
    set_state(app, AuthState(auth=auth, keys=keys))
    app.add_exception_handler(RedisError, _closed)
    app.include_router(api.router)
    health.install(app, required={"redis": check(redis)})
    consumer = consumer_of(
        settings,
        group=consumers.GROUP,
        subscriptions=consumers.subscriptions(sessions),
        inbox=NoInbox(),
    )
    return Service(app=app, background=(consumer,), close=(users_client.aclose, redis.aclose))


async def _closed(_request: Request, _error: Exception) -> Response:
    """Fail closed: without Redis nobody can be told in or out."""
    return problems.response(problems.Unavailable("Sessions can't be reached."))


def run() -> None:
    """Do what the command line's word says: serve, migrate or print a contract."""
    cli.run(Settings, create, contract=CONTRACT)
