import asyncio
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from shop_gateway.routes import RouteTable, Upstream, follow


def table(**services: list[str]) -> bytes:
    return json.dumps(
        [
            {"service": name, "headless": f"{name}-pods", "port": 8000, "paths": paths}
            for name, paths in services.items()
        ]
    ).encode()


ORDERS, USERS = Upstream("order", "order-pods", 8000), Upstream("user", "user-pods", 8000)


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/v1/orders", "order"),
        ("/v1/orders/1", "order"),
        ("/v1/orders/1/payments", "payment"),
        ("/v1/ordersx", None),
        ("/v1", None),
        ("/", None),
    ],
)
def test_the_longest_prefix_that_ends_at_a_segment_wins(path: str, service: str | None) -> None:
    routes = RouteTable.parse(table(order=["/v1/orders/"], payment=["/v1/orders/1/payments"]))
    found = routes.match(path)
    assert (found.service if found else None) == service


@pytest.mark.parametrize("text", [b"", b"{}", b'[{"service": "order"}]', b"[1]"])
def test_what_is_no_table_is_refused(text: bytes) -> None:
    with pytest.raises(ValidationError):
        RouteTable.parse(text)


def test_entries_keep_the_version_that_the_operator_gave_them() -> None:
    entry = {"service": "order", "headless": "order-pods", "port": 8000, "paths": ["/v1/orders"]}
    routes = RouteTable.parse(json.dumps([entry | {"version": "7"}]))
    assert routes.versions == ((ORDERS, "7"),)
    assert RouteTable.parse(json.dumps([entry])).versions == ((ORDERS, ""),)


async def test_changes_are_followed_and_a_broken_table_leaves_the_last_in_force(
    tmp_path: Path,
) -> None:
    file = tmp_path / "routes.json"
    seen: asyncio.Queue[RouteTable] = asyncio.Queue()
    task = asyncio.create_task(follow(file, seen.put, seconds=0.01))
    try:
        file.write_bytes(table(order=["/v1/orders"]))
        assert (await seen.get()).upstreams == {ORDERS}
        file.write_bytes(b"not json")
        await asyncio.sleep(0.05)
        assert seen.empty()
        file.write_bytes(table(order=["/v1/orders"], user=["/v1/users"]))
        assert (await seen.get()).upstreams == {ORDERS, USERS}
    finally:
        task.cancel()
