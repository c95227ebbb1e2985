"""Links from an order to its traces: only where there are traces, and a page that shows them."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from shop_storefront.settings import Settings
from shop_storefront.staff.orders import trace_pages

ZIPKIN = "http://127.0.0.1:9411/zipkin/traces/{trace_id}"
COLLECTOR = "http://collector:4318"
HISTORY: list[dict[str, Any]] = [
    {"trace_id": "a" * 32},
    {"trace_id": "a" * 32},
    {"trace_id": None},
    {},
    {"trace_id": "b" * 32},
]


def settings(**told: str | None) -> Settings:
    return Settings(redis_url=SecretStr("redis://127.0.0.1:1"), **told)  # type: ignore[arg-type]


def test_each_trace_of_an_order_is_linked_once() -> None:
    found = trace_pages(settings(trace_url=ZIPKIN, otlp_endpoint=COLLECTOR), HISTORY)
    assert list(found.items()) == [
        (trace, f"http://127.0.0.1:9411/zipkin/traces/{trace}") for trace in ("a" * 32, "b" * 32)
    ]


@pytest.mark.parametrize(
    "told",
    [{}, {"trace_url": ZIPKIN}, {"otlp_endpoint": COLLECTOR}],
    ids=",".join,
)
def test_there_is_no_link_where_there_are_no_traces(told: dict[str, str]) -> None:
    assert trace_pages(settings(**told), HISTORY) == {}


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert('{trace_id}')",
        "http://zipkin/traces",
        "http://zipkin/{trace}",
        "http://{trace_id}/{trace_id}",
        "//zipkin/{trace_id}",
    ],
)
def test_no_other_address_is_taken(url: str) -> None:
    with pytest.raises(ValidationError, match="trace_url"):
        settings(trace_url=url)
