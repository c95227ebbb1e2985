"""What a service does not use, it does not load: a library costs memory in each process."""

import subprocess
import sys

import pytest

SQL = {"sqlalchemy", "asyncpg", "alembic"}
MONGO = {"pymongo"}
NEVER = {"opentelemetry.exporter", "google.protobuf", "alembic"}
START = """
import sys
from shop_shared import server
from shop_shared.observability import telemetry
from shop_shared.settings import ServiceSettings
telemetry.start_export(ServiceSettings(otlp_endpoint=None))
print(*sys.modules)
"""


@pytest.mark.parametrize(
    ("service", "unused"),
    [
        ("auth", SQL | MONGO),
        ("gateway", SQL | MONGO),
        ("product", SQL),
        ("user", MONGO),
        ("order", MONGO),
        ("payment", MONGO),
        ("shipping", MONGO),
        ("notification", MONGO),
    ],
)
def test_a_service_loads_nothing_of_stores_it_has_not(service: str, unused: set[str]) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", f"import shop_{service}.main{START}"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "shop_shared.http.app" in loaded
    assert not (unused | NEVER) & set(loaded)
