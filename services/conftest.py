"""What the tests of several services share: tokens of a signer, a service's client and engine.

Hypothesis searches without deadlines, as other work may share the machine.
"""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.http.app_state import get_state
from shop_shared.http.engine_state import EngineState
from shop_shared.server import Service
from shop_shared.testing import Signer, client_of

settings.register_profile("services", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("services")


@pytest.fixture(scope="module")
def signer() -> Signer:
    """Return who signs the tokens that the service takes."""
    return Signer()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the service that the test's own folder wires."""
    async with client_of(service) as client:
        yield client


@pytest.fixture(scope="module")
def engine(service: Service) -> AsyncEngine:
    """Return the engine of a service on PostgreSQL."""
    return get_state(service.app, EngineState).engine


@pytest.fixture
def staff(signer: Signer) -> dict[str, str]:
    """Return headers of staff."""
    return signer.headers(uuid4(), roles=["staff"])


@pytest.fixture
def admin(signer: Signer) -> dict[str, str]:
    """Return headers of an administrator."""
    return signer.headers(uuid4(), roles=["admin"])
