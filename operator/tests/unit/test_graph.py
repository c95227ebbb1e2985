"""What `kubectl shop graph` draws."""

import pytest

from shop_operator.cli.graph import dot, edges, mermaid
from shop_operator.spec import InvalidSpecError

from .specs import service

ORDER = service(
    "order",
    {
        "image": "a:1",
        "database": {"kind": "postgres", "name": "order"},
        "events": {
            "publishes": [{"topic": "order.events"}],
            "subscribes": [{"topic": "payment.events", "group": "order"}],
        },
        "route": {"paths": ["/v1/orders"], "via": "gateway"},
    },
)


def test_every_declared_thing_is_a_node_once() -> None:
    found = edges([ORDER, ORDER])
    assert list(mermaid(found)) == [
        "flowchart LR",
        '  n0(["/v1/orders"])',
        '  n1["order"]',
        '  n2[("postgres: order")]',
        '  n3[["order.events"]]',
        '  n4[["payment.events"]]',
        '  n0 -- "gateway" --> n1',
        "  n1 --> n2",
        "  n1 --> n3",
        '  n4 -- "order" --> n1',
    ]
    assert '  n4 -> n1 [label="order"]' in list(dot(found))


def test_one_that_cannot_be_read_is_named() -> None:
    broken = service("broken", {"image": "a:1", "database": {"kind": "newer", "name": "a"}})
    with pytest.raises(InvalidSpecError, match=r"^shop/broken: spec\.database\.kind"):
        edges([ORDER, broken])


def test_names_that_differ_in_a_sign_only_are_two_nodes() -> None:
    topics = [{"topic": "a-b.events"}, {"topic": "a.b.events"}]
    found = edges([service("a", {"image": "a:1", "events": {"publishes": topics}})])
    assert len([line for line in mermaid(found) if "[[" in line]) == 2
