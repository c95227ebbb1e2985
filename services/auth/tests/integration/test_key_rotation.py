"""The file of signing keys is replaced, as Vault's agent does it: no token is refused meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from redis.asyncio import Redis
from structlog.testing import CapturingLogger

from shop_auth.key_source import RELOAD_S, SETTLED_S, KeySource
from shop_auth.keys import KeyRing, new_pem
from shop_auth.settings import Settings
from shop_shared.http.tokens import REFRESH_AT_MOST_EVERY, TokenVerifier
from shop_shared.stores.redis import create_redis

START = 1_800_000_000.0


class World:
    """Replicas of auth over one Redis, a file each, verifiers beside them, and one clock."""

    def __init__(self, redis: Redis, redis_url: str, folder: Path, at_start: str) -> None:
        self.now = START
        self.file = folder / "signing_keys"
        self.file.write_text(at_start)
        self._redis = redis
        self._settings = Settings(redis_url=SecretStr(redis_url), signing_keys=SecretStr(at_start))

    def replica(self) -> KeySource:
        """Start a replica, which reads the file as it is now."""
        text = SecretStr(self.file.read_text())
        settings = self._settings.model_copy(update={"signing_keys": text})
        return KeySource(settings, self._redis, clock=lambda: self.now)

    def verifier(self, replica: KeySource) -> TokenVerifier:
        """Return another service's verifier, which fetches its keys of this replica."""
        settings = self._settings
        return TokenVerifier(
            replica.jwks,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            clock=lambda: self.now,
        )

    async def token(self, replica: KeySource, *, number: int = 0) -> str:
        """Return a token that is signed now, for as long as tokens last."""
        at, settings = int(self.now), self._settings
        claims = {
            "iss": settings.jwt_issuer,
            "aud": settings.jwt_audience,
            "sub": f"user-{number}",
            "iat": at,
            "exp": at + settings.access_token_seconds,
        }
        return (await replica.ring()).sign(claims)


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def kid_of(pem: str) -> str:
    return KeyRing.from_pem(pem).keys[0].kid


async def kids(replica: KeySource) -> set[str]:
    return {key["kid"] for key in (await replica.jwks())["keys"]}


OLD, NEW = new_pem(), new_pem()


@pytest.fixture
async def world(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.delenv("SIGNING_KEYS", raising=False)
    settings = Settings(redis_url=SecretStr(redis_url), signing_keys=SecretStr(OLD))
    redis = create_redis(settings, decode=True)
    yield World(redis, redis_url, tmp_path, OLD)
    await redis.aclose()


@pytest.mark.parametrize("content", [NEW, NEW + OLD, OLD + NEW], ids=["alone", "first", "second"])
async def test_no_token_is_refused_by_any_verifier_while_the_key_turns_over(
    world: World, content: str
) -> None:
    replicas = [world.replica(), world.replica()]
    verifiers = [world.verifier(replica) for replica in replicas]
    tokens: list[tuple[float, str]] = []
    for step in range(400):
        if step == 40:
            world.file.write_text(content)
        if step == 120:
            replicas.append(world.replica())  # a pod that starts with the new file
            verifiers.append(world.verifier(replicas[-1]))
        for replica in replicas[: 2 if step < 200 else 3]:
            tokens.append((world.now, await world.token(replica, number=len(tokens))))
        alive = [token for at, token in tokens if world.now - at < 600]
        for verifier in verifiers:
            for token in (*alive[:2], *alive[-3:]):
                await verifier.verify(token)
        world.now += 5
    signed = {kid(token) for _, token in tokens[-3:]}
    assert signed == {kid_of(OLD if content == OLD + NEW else NEW)}
    assert kid(tokens[0][1]) == kid_of(OLD)


async def test_a_new_key_is_published_at_once_and_signs_once_everybody_can_know_it(
    world: World,
) -> None:
    replica, slow = world.replica(), world.replica()
    assert kid(await world.token(replica)) == kid_of(OLD)
    await slow.ring()
    world.file.write_text(NEW)
    world.now += RELOAD_S + 1
    assert await kids(replica) == {kid_of(OLD), kid_of(NEW)}
    published = world.now
    # What one replica publishes, all do, whichever file they have read.
    world.file.write_text(OLD)
    world.now += RELOAD_S + 1
    assert await kids(slow) == {kid_of(OLD), kid_of(NEW)}
    world.file.write_text(NEW)
    world.now = published + SETTLED_S - 1
    assert kid(await world.token(replica)) == kid_of(OLD)
    world.now = published + SETTLED_S + RELOAD_S + 1
    assert kid(await world.token(replica)) == kid_of(NEW)
    assert SETTLED_S > REFRESH_AT_MOST_EVERY + RELOAD_S


async def test_an_old_key_is_published_until_its_last_token_has_ended_and_no_longer(
    world: World,
) -> None:
    replica = world.replica()
    last = await world.token(replica)
    world.file.write_text(NEW)
    for _ in range(60):
        world.now += RELOAD_S + 1
        token = await world.token(replica)
        if kid(token) == kid_of(OLD):
            last, ends = token, world.now + 600
    # A replica that never saw the old key tells of it too.
    fresh = world.replica()
    world.now = ends - 1
    assert kid_of(OLD) in await kids(fresh)
    await world.verifier(fresh).verify(last)
    world.now = ends + 200
    assert await kids(replica) == {kid_of(NEW)}
    assert await kids(fresh) == {kid_of(NEW)}


@pytest.mark.parametrize(
    "content",
    [b"", b"no key", NEW.encode()[:70], NEW.encode() + OLD.encode()[:70], b"\xff\xfe\x00"],
    ids=["empty", "text", "half", "one and a half", "binary"],
)
async def test_a_bad_file_is_told_and_the_old_keys_go_on(
    world: World, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr("shop_auth.key_source._log", log)
    replica = world.replica()
    await replica.ring()
    world.file.write_bytes(content)
    for _ in range(40):
        world.now += RELOAD_S + 1
        assert kid(await world.token(replica)) == kid_of(OLD)
    assert await kids(replica) == {kid_of(OLD)}
    assert any("the old ones go on" in call.args[0] for call in log.calls)
    assert REGISTRY.get_sample_value("auth_signing_keys_unreadable") == 1
    world.file.write_text(OLD + NEW)
    world.now += RELOAD_S + 1
    assert await kids(replica) == {kid_of(OLD), kid_of(NEW)}
    assert REGISTRY.get_sample_value("auth_signing_keys_unreadable") == 0


async def test_a_file_that_went_away_changes_nothing(world: World) -> None:
    replica = world.replica()
    await replica.ring()
    world.file.write_text(NEW)
    world.now += RELOAD_S + 1
    await replica.ring()
    world.now += SETTLED_S + 1
    assert kid(await world.token(replica)) == kid_of(NEW)
    world.file.unlink()
    world.now += RELOAD_S + 1
    assert kid(await world.token(replica)) == kid_of(NEW)
    world.file.mkdir()
    world.now += RELOAD_S + 1
    assert kid(await world.token(replica)) == kid_of(NEW)


async def test_without_redis_what_is_known_goes_on(world: World) -> None:
    replica = world.replica()
    await replica.ring()
    away = Redis(host="127.0.0.1", port=1)
    replica._published._redis = away
    world.file.write_text(NEW)
    world.now += RELOAD_S + 1
    assert kid(await world.token(replica)) == kid_of(OLD)
    await away.aclose()


async def test_the_file_is_read_once_by_requests_that_come_together(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica, reads = world.replica(), 0
    await replica.ring()
    original = replica._read

    async def counted() -> KeyRing:
        nonlocal reads
        reads += 1
        return await original()

    monkeypatch.setattr(replica, "_read", counted)
    world.now += RELOAD_S + 1
    await asyncio.gather(*(replica.ring() for _ in range(20)))
    assert reads == 1


def test_bad_keys_at_the_start_are_named(redis_url: str) -> None:
    with pytest.raises(ValueError, match="SIGNING_KEYS: only 0 of 1 PEM blocks"):
        Settings(redis_url=SecretStr(redis_url), signing_keys=SecretStr(NEW[:70]))
