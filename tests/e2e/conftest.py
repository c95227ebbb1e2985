"""The shop on a cluster: brought up by `make up` before, or by the first test that needs it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from shop_journey.customer import SHOP, Customer, register
from shop_journey.golden import STOREFRONT
from shop_journey.kubectl import Kubectl

from e2e.chromium import Chromium, chromium
from e2e.products import Products, selling
from ready_shop import ready_shop


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """Return kubectl of a cluster on which the shop is ready."""
    return ready_shop().kubectl


@pytest.fixture
async def customer(kubectl: Kubectl) -> AsyncIterator[Customer]:
    """Return someone who just opened an account."""
    async with httpx.AsyncClient(base_url=SHOP, timeout=20) as http:
        yield await register(http)


@pytest.fixture
async def browser(kubectl: Kubectl) -> AsyncIterator[Chromium]:
    async with chromium(STOREFRONT) as browser:
        yield browser


@pytest.fixture
async def products(kubectl: Kubectl) -> AsyncIterator[Products]:
    """Products of the test's own: nobody finds them in the catalogue afterwards."""
    async with selling() as products:
        yield products
