"""Visitors of the storefront are counted by the gateway as what they are: one address each."""

import secrets
from collections.abc import Iterable, Iterator
from ipaddress import ip_network

import httpx
import pytest
from pydantic import SecretStr
from shop_servers import databases
from shop_servers.servers import Redis

from contract.services import SERVICES
from contract.serving import served, until_ready
from contract.shop import Shop
from shop_storefront.main import create
from shop_storefront.settings import Settings

LIMIT = 6
"""Requests of the API that an address may make in a minute."""
MANY = 40


def storefront_before(shop: Shop, redis: Redis, hosts: tuple[str, ...]) -> Iterator[str]:
    """Yield the URL of a storefront whose gateway trusts the pods of some names."""
    shop.prepare(SERVICES["gateway"])
    settings = {"trusted_proxy_hosts": hosts, "rate_limit_address": f"{LIMIT}/minute"}
    with served(lambda: shop.create(SERVICES["gateway"], **settings)) as api:
        until_ready(api)
        told = Settings(
            redis_url=SecretStr(databases.create_redis(redis.url)),
            api_url=api,
            trusted_proxies=(ip_network("127.0.0.0/8"),),  # the test is its ingress
        )
        with served(lambda: create(told)) as url:
            yield url


@pytest.fixture
def trusted(shop: Shop, redis: Redis) -> Iterator[str]:
    yield from storefront_before(shop, redis, ("localhost",))


@pytest.fixture
def unknown(shop: Shop, redis: Redis) -> Iterator[str]:
    yield from storefront_before(shop, redis, ())


def search(storefront: str, address: str) -> int:
    """Return the status of a page that the gateway has not in its cache."""
    headers, asked = {"X-Forwarded-For": address}, {"q": secrets.token_hex(8)}
    return httpx.get(storefront, params=asked, headers=headers, timeout=60).status_code


def is_stopped(storefront: str, addresses: Iterable[str]) -> bool:
    """Tell whether one of many requests is refused; a slow Redis lets some through uncounted."""
    return any(search(storefront, address) == 429 for address in addresses)


def test_who_asks_too_often_is_stopped_alone(trusted: str) -> None:
    assert is_stopped(trusted, ["203.0.113.7"] * MANY)
    assert search(trusted, "203.0.113.8") == 200


def test_many_visitors_are_not_one(trusted: str) -> None:
    assert not is_stopped(trusted, [f"198.51.100.{number}" for number in range(LIMIT * 2)])


def test_a_storefront_that_is_not_trusted_is_one_caller(unknown: str) -> None:
    assert is_stopped(unknown, [f"192.0.2.{number}" for number in range(MANY)])
