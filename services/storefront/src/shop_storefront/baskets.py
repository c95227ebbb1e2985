"""Baskets: quantities by product, in Redis, of a browser or of who is signed in."""

from redis.asyncio import Redis

from shop_storefront.sessions import Session, digest

BASKET_SECONDS = 30 * 24 * 3600
MAX_LINES = 100
MAX_QUANTITY = 1000
"""Of all lines together, as the order service has it."""


class BasketFullError(Exception):
    """The basket has as many lines as an order may have."""


class BasketStore:
    """Baskets in Redis. Every method may raise redis.RedisError."""

    def __init__(self, redis: "Redis", *, prefix: str = "") -> None:
        self._redis = redis
        self._prefix = f"{prefix}storefront:basket:"

    async def read(self, session: Session) -> dict[str, int]:
        """Return quantities by product id."""
        stored = await self._redis.hgetall(self._key(session))
        return {_text(product): int(quantity) for product, quantity in stored.items()}

    async def count(self, session: Session) -> int:
        """Return how many units are in it."""
        return sum(int(quantity) for quantity in await self._redis.hvals(self._key(session)))

    async def add(self, session: Session, product_id: str, quantity: int) -> None:
        """Put more of a product in. Raises BasketFullError."""
        key = self._key(session)
        if not await self._redis.hexists(key, product_id) and (
            await self._redis.hlen(key) >= MAX_LINES
        ):
            raise BasketFullError
        now = await self._redis.hincrby(key, product_id, quantity)
        if now > MAX_QUANTITY:
            await self._redis.hset(key, product_id, MAX_QUANTITY)
        await self._redis.expire(key, BASKET_SECONDS)

    async def put(self, session: Session, product_id: str, quantity: int) -> None:
        """Set a line's quantity; 0 takes it out."""
        key = self._key(session)
        if quantity <= 0:
            await self._redis.hdel(key, product_id)
        elif await self._redis.hexists(key, product_id):
            await self._redis.hset(key, product_id, min(quantity, MAX_QUANTITY))

    async def take_out(self, session: Session, ordered: dict[str, int]) -> None:
        """Take out what was ordered; what was put in meanwhile stays."""
        key = self._key(session)
        for product_id, quantity in ordered.items():
            if await self._redis.hincrby(key, product_id, -quantity) <= 0:
                await self._redis.hdel(key, product_id)

    async def move(self, before: Session, after: Session) -> None:
        """Add the basket of a browser to that of who has signed in with it."""
        for product_id, quantity in (await self.read(before)).items():
            try:
                await self.add(after, product_id, quantity)
            except BasketFullError:
                break  # the lines that fit are in; nothing else can be
        await self._redis.delete(self._key(before))

    def _key(self, session: Session) -> str:
        owner = f"user:{session.user.id}" if session.user else digest(session.id)
        return self._prefix + owner

    async def drop(self, session: Session) -> None:
        """Forget it."""
        await self._redis.delete(self._key(session))


def _text(stored: bytes | str) -> str:
    return stored.decode() if isinstance(stored, bytes) else stored
