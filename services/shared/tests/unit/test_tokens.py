"""Forged, stale and tricky tokens (RFC 8725), and how often keys are fetched."""

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest

from shop_shared.http.problems import Unauthenticated, Unavailable
from shop_shared.http.tokens import RedisRevocations, TokenVerifier
from shop_shared.testing import FORGERIES, FakeClock, Signer
from shop_shared.testing.forgeries import good

if TYPE_CHECKING:
    from redis.asyncio import Redis


class Ticker:
    def __init__(self) -> None:
        self.at = time.time()

    def __call__(self) -> float:
        return self.at


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_token_that_must_not_count(name: str) -> None:
    signer = Signer()
    with pytest.raises(Unauthenticated):
        await signer.verifier().verify(FORGERIES[name](signer))


async def test_what_they_are_made_of_counts() -> None:
    signer = Signer()
    await signer.verifier().verify(good(signer))


async def test_a_good_token_counts_and_is_verified_once() -> None:
    signer = Signer()
    verifier = signer.verifier()
    token = signer.token("order", ["service"])
    claims = await verifier.verify(token)
    assert (claims["sub"], claims["roles"]) == ("order", ["service"])
    assert await verifier.verify(token) is claims


async def test_a_cached_token_still_expires() -> None:
    clock = Ticker()
    signer = Signer(clock=clock)
    verifier = signer.verifier()
    token = signer.token(uuid4())
    await verifier.verify(token)
    clock.at += 606
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


@pytest.mark.parametrize(("ahead", "counts"), [(110, True), (130, False)])
async def test_a_clock_of_auth_that_is_ahead_lets_people_in(ahead: int, *, counts: bool) -> None:
    clock = Ticker()
    signer = Signer(clock=clock)
    verifier = signer.verifier()
    clock.at += ahead
    token = signer.token(uuid4())
    clock.at -= ahead
    if counts:
        await verifier.verify(token)
    else:
        with pytest.raises(Unauthenticated):
            await verifier.verify(token)


async def test_an_ended_session_counts_no_more() -> None:
    ended: set[str] = set()

    class Ended:
        async def is_revoked(self, session_id: str) -> bool:
            return session_id in ended

        async def close(self) -> None:
            """Hold nothing."""

    signer = Signer()
    verifier = signer.verifier(Ended())
    token = signer.token(uuid4(), sid="s")
    await verifier.verify(token)
    ended.add("s")
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


class Hanging:
    """A Redis that takes commands and answers none."""

    def __init__(self) -> None:
        self.asked = 0

    async def exists(self, _key: str) -> int:
        self.asked += 1
        return await asyncio.Future[int]()


@pytest.mark.parametrize("fail_closed", [False, True])
async def test_a_redis_that_hangs_costs_a_few_requests_a_moment(fail_closed: bool) -> None:  # noqa: FBT001 - a case
    clock = FakeClock()
    redis = Hanging()
    revocations = RedisRevocations(
        cast("Redis", redis), fail_closed=fail_closed, clock=clock.timestamp
    )
    revocations.patience = 0.01

    async def ask() -> bool:
        try:
            return await revocations.is_revoked("s")
        except Unavailable:
            return fail_closed

    assert [await ask() for _ in range(20)] == [fail_closed] * 20
    assert redis.asked == 3
    clock.advance(timedelta(seconds=1))
    assert [await ask() for _ in range(20)] == [fail_closed] * 20
    assert redis.asked == 4


async def test_a_crowd_at_a_process_that_has_no_keys_yet_waits_for_one_fetch() -> None:
    signer = Signer()
    may_answer, fetches = asyncio.Event(), 0

    async def fetch() -> dict[str, Any]:
        nonlocal fetches
        fetches += 1
        await may_answer.wait()
        return signer.jwks()

    verifier = TokenVerifier(fetch, issuer=signer.issuer, audience=signer.audience)
    crowd = [asyncio.create_task(verifier.verify(signer.token(uuid4()))) for _ in range(20)]
    await asyncio.sleep(0)
    may_answer.set()
    assert len(await asyncio.gather(*crowd)) == 20
    assert fetches == 1


async def test_who_has_the_key_does_not_wait_for_newer_ones() -> None:
    clock = Ticker()
    signer = Signer(clock=clock)
    answers = iter([True, False])

    async def fetch() -> dict[str, Any]:
        if not next(answers):
            await asyncio.Event().wait()
        return signer.jwks()

    verifier = TokenVerifier(fetch, issuer=signer.issuer, audience=signer.audience, clock=clock)
    await verifier.verify(signer.token(uuid4()))
    clock.at += 86_400
    first = asyncio.create_task(verifier.verify(signer.token(uuid4())))
    await asyncio.sleep(0)
    await asyncio.wait_for(verifier.verify(signer.token(uuid4())), timeout=60)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_a_rotated_key_is_fetched_and_unknown_ones_not_without_end() -> None:
    clock = Ticker()
    old, new = Signer(clock=clock), Signer(clock=clock)
    published: list[Signer] = [old]
    fetches = 0

    async def fetch() -> dict[str, Any]:
        nonlocal fetches
        fetches += 1
        return {"keys": [key for signer in published for key in signer.jwks()["keys"]]}

    verifier = TokenVerifier(fetch, issuer=old.issuer, audience=old.audience, clock=clock)
    await verifier.verify(old.token(uuid4()))
    published.append(new)
    clock.at += 11
    await verifier.verify(new.token(uuid4()))
    await verifier.verify(old.token(uuid4()))
    assert fetches == 2
    for _ in range(50):
        with pytest.raises(Unauthenticated):
            await verifier.verify(Signer(clock=clock).token(uuid4()))
    assert fetches == 2
    clock.at += 601
    published.remove(old)
    with pytest.raises(Unauthenticated):
        await verifier.verify(old.token(uuid4()))


async def test_a_token_of_a_key_that_is_withdrawn_counts_no_more_though_it_was_seen() -> None:
    """Whoever stole a key says for how long its tokens are good."""
    clock = Ticker()
    stolen, new = Signer(clock=clock), Signer(clock=clock)
    published = stolen

    async def fetch() -> dict[str, Any]:
        return published.jwks()

    verifier = TokenVerifier(fetch, issuer=stolen.issuer, audience=stolen.audience, clock=clock)
    forged = stolen.token(uuid4(), exp=int(clock.at) + 10**8)
    await verifier.verify(forged)
    published = new
    clock.at += 601
    with pytest.raises(Unauthenticated):
        await verifier.verify(forged)


async def test_keys_that_cannot_be_had_are_our_fault_until_they_can() -> None:
    clock = Ticker()
    signer = Signer(clock=clock)
    away = True

    async def fetch() -> dict[str, Any]:
        if away:
            raise ConnectionRefusedError
        return signer.jwks()

    verifier = TokenVerifier(fetch, issuer=signer.issuer, audience=signer.audience, clock=clock)
    with pytest.raises(Unavailable):
        await verifier.verify(signer.token(uuid4()))
    away = False
    clock.at += 11
    await verifier.verify(signer.token(uuid4()))


async def test_a_symmetric_key_in_the_set_verifies_nothing() -> None:
    signer = Signer()
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}

    async def fetch() -> dict[str, Any]:
        return {"keys": [secret, *signer.jwks()["keys"]]}

    verifier = TokenVerifier(fetch, issuer=signer.issuer, audience=signer.audience)
    await verifier.verify(signer.token(uuid4()))
    forger = Signer()
    forger.kid = "s"
    with pytest.raises(Unauthenticated):
        await verifier.verify(forger.token(uuid4()))
