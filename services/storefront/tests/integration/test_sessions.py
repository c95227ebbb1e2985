"""Sessions and baskets on a real Redis, with an API written by hand."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis.asyncio import Redis

from shop_storefront.api_client import Answer, ApiError, ShopApi
from shop_storefront.baskets import MAX_LINES, MAX_QUANTITY, BasketFullError, BasketStore
from shop_storefront.sessions import Session, SessionEndedError, SessionStore, Tokens, User, digest

ADA = User(id="ada", email="ada@example.com", name="Ada", roles=("customer",))


@dataclass
class Api(ShopApi):
    """An API that renews tokens once each, as the auth service does."""

    refreshed: list[str] = field(default_factory=list)
    refuses: bool = False

    async def call(self, method: str, path: str, *, body: Any = None, **_: object) -> Answer:
        assert (method, path) == ("POST", "/v1/auth/refresh")
        await asyncio.sleep(0.05)
        if self.refuses or body["refresh_token"] in self.refreshed:
            raise ApiError(401, code="unauthenticated", detail="used twice")
        self.refreshed.append(body["refresh_token"])
        return Answer(answer(len(self.refreshed)), None)


def answer(number: int, seconds: int = 600) -> dict[str, Any]:
    return {
        "access_token": f"access-{number}",
        "refresh_token": f"refresh-{number}",
        "expires_in": seconds,
    }


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def store(redis: Redis, api: Api) -> SessionStore:
    return SessionStore(redis, api)


async def signed_in(store: SessionStore, *, seconds: int = 600) -> Session:
    begun = store.begin()
    await store.keep(begun)
    return await store.sign_in(begun, ADA, Tokens.of_answer(answer(0, seconds)))


async def test_a_session_comes_back_by_its_cookie(store: SessionStore) -> None:
    begun = store.begin()
    await store.keep(begun)
    await store.put(begun, locale="id", currency="IDR")
    begun.notices = [("notice", "Done")]
    await store.put_notices(begun)
    found = await store.load(begun.id)
    assert found is not None
    assert (found.csrf, found.locale, found.currency) == (begun.csrf, "id", "IDR")
    assert found.notices == [("notice", "Done")]
    assert found.user is None


async def test_a_cookie_that_nobody_was_given_is_no_session(store: SessionStore) -> None:
    assert await store.load("made-up") is None


async def test_redis_keeps_no_cookie(store: SessionStore, redis: Redis) -> None:
    session = await signed_in(store)
    for key in await redis.keys():
        assert session.id.encode() not in key
        values = await redis.hgetall(key)
        assert session.id not in str(values)


async def test_signing_in_ends_the_session_before_it(store: SessionStore) -> None:
    begun = store.begin()
    await store.keep(begun)
    after = await store.sign_in(begun, ADA, Tokens.of_answer(answer(0)))
    assert after.id != begun.id
    assert after.csrf != begun.csrf
    assert await store.load(begun.id) is None
    found = await store.load(after.id)
    assert found is not None
    assert found.user == ADA


async def test_sessions_end(store: SessionStore, redis: Redis) -> None:
    session = await signed_in(store)
    assert 0 < await redis.ttl(store.key(session)) <= 14 * 24 * 3600
    begun = store.begin()
    await store.keep(begun)
    assert 0 < await redis.ttl(store.key(begun)) <= 3600


async def test_many_pages_at_once_renew_the_token_once(store: SessionStore, api: Api) -> None:
    session = await signed_in(store, seconds=1)
    tokens = await asyncio.gather(*(store.access_token(session, headers={}) for _ in range(20)))
    assert set(tokens) == {"access-1"}
    assert api.refreshed == ["refresh-0"]


async def test_a_refused_token_ends_the_session(store: SessionStore, api: Api) -> None:
    session = await signed_in(store, seconds=1)
    api.refuses = True
    with pytest.raises(SessionEndedError):
        await store.access_token(session, headers={})


async def test_a_basket_is_of_a_browser_then_of_its_user(store: SessionStore, redis: Redis) -> None:
    baskets = BasketStore(redis)
    before = store.begin()
    await store.keep(before)
    await baskets.add(before, "mug", 2)
    after = await store.sign_in(before, ADA, Tokens.of_answer(answer(0)))
    await baskets.add(after, "mug", 1)
    await baskets.move(before, after)
    assert await baskets.read(after) == {"mug": 3}
    assert await baskets.read(before) == {}
    assert await baskets.count(after) == 3
    assert digest(before.id) not in str(await redis.keys())


async def test_a_basket_has_limits(store: SessionStore, redis: Redis) -> None:
    baskets = BasketStore(redis)
    session = store.begin()
    await baskets.add(session, "0", MAX_QUANTITY)
    await baskets.add(session, "0", 1)
    assert await baskets.read(session) == {"0": MAX_QUANTITY}
    for number in range(1, MAX_LINES):
        await baskets.add(session, str(number), 1)
    with pytest.raises(BasketFullError):
        await baskets.add(session, "one more", 1)
    await baskets.put(session, "never put in", 5)
    assert len(await baskets.read(session)) == MAX_LINES


async def test_what_was_put_in_while_ordering_stays(store: SessionStore, redis: Redis) -> None:
    baskets = BasketStore(redis)
    session = store.begin()
    await baskets.add(session, "mug", 3)
    await baskets.add(session, "cup", 1)
    await baskets.take_out(session, {"mug": 2, "cup": 1})
    assert await baskets.read(session) == {"mug": 1}


async def test_two_shops_of_one_redis_share_nothing(redis: Redis, api: Api) -> None:
    one, other = (SessionStore(redis, api, prefix=prefix) for prefix in ("", "staging:"))
    session = await signed_in(other)
    await BasketStore(redis, prefix="staging:").add(session, "mug", 1)
    assert await one.load(session.id) is None
    assert await other.load(session.id) is not None
    keys = [bytes(key) async for key in redis.scan_iter()]
    assert keys
    assert all(key.startswith(b"staging:storefront:") for key in keys)


async def test_what_comes_late_to_a_session_that_has_ended_is_forgotten(redis: Redis) -> None:
    class SignedOutMeanwhile(Api):
        async def call(self, *asked: str, **more: Any) -> Answer:
            await store.end(session)
            return await super().call(*asked, **more)

    store = SessionStore(redis, SignedOutMeanwhile())
    session = await signed_in(store, seconds=0)
    await store.access_token(session, headers={})
    assert await redis.ttl(store.key(session)) > 0
    assert await store.load(session.id) is None
