"""What stands in a route table is read, whatever another hand has made of it."""

import json

import pytest

from shop_operator.children.route_table import entries_in, table_entry
from shop_operator.spec import parse

SERVICE = parse(
    {
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": {"image": "a:1", "route": {"paths": ["/v1/orders"], "via": "gateway"}},
    }
)


def test_entries_are_read_as_they_were_written() -> None:
    written = [table_entry(SERVICE), table_entry(SERVICE, by_service=True)]
    assert entries_in(json.dumps(written)) == written
    assert written[0]["version"] != written[1]["version"]


@pytest.mark.parametrize("text", ["", "no JSON", "{}", "1", "[1]", "[{}]", '[{"service": "a"}]'])
def test_what_is_no_entry_is_left_out(text: str) -> None:
    assert entries_in(text) == []
