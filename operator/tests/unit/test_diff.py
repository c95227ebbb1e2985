"""Only desired fields are compared, in the way that the API server writes them."""

import pytest

from shop_operator.api.schemas import FieldSchema
from shop_operator.apply.diff import differences
from shop_operator.apply.quantity import same_quantity
from shop_operator.metadata import Manifest

CONTAINERS: Manifest = {"containers": [{"name": "a", "image": "a:1"}]}


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {}}, {}),
        ({"a": []}, {"b": 1}),
        ({"env": [{"name": "A"}]}, {"env": [{"name": "A", "value": ""}]}),
        (CONTAINERS, {"containers": [{"name": "proxy"}, {"name": "a", "image": "a:1"}]}),
        ({"resources": {"requests": {"cpu": "1000m"}}}, {"resources": {"requests": {"cpu": "1"}}}),
        (
            {"resources": {"limits": {"memory": "1024Mi"}}},
            {"resources": {"limits": {"memory": "1Gi"}}},
        ),
        ({"rules": [{"to": 1}]}, {"rules": [{"to": 1, "protocol": "TCP"}]}),
    ],
)
def test_no_difference(desired: Manifest, live: Manifest) -> None:
    assert differences(desired, live) == []


@pytest.mark.parametrize(
    ("desired", "live", "path"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b"),
        ({"a": {"b": 1}}, {}, "a"),
        ({"token": False}, {}, "token"),
        ({"token": False}, {"token": True}, "token"),
        ({"rules": [1]}, {"rules": [1, 2]}, "rules"),
        ({"rules": [1, 2]}, {"rules": [2, 1]}, "rules[0]"),
        (CONTAINERS, {"containers": [{"name": "b"}]}, "containers[a]"),
        (CONTAINERS, {"containers": [{"name": "a", "image": "a:2"}]}, "containers[a].image"),
        (
            {"resources": {"requests": {"cpu": "2"}}},
            {"resources": {"requests": {"cpu": "2m"}}},
            "resources.requests.cpu",
        ),
        ({"data": {"x": "1000m"}}, {"data": {"x": "1"}}, "data.x"),
    ],
)
def test_the_first_difference_is_named(desired: Manifest, live: Manifest, path: str) -> None:
    assert differences(desired, live)[0] == path


SCHEMA = FieldSchema(
    fields={
        "selector": FieldSchema(atomic=True, values=FieldSchema()),
        "ports": FieldSchema(
            keys=("port", "protocol"),
            items=FieldSchema(fields={"protocol": FieldSchema(default="TCP")}),
        ),
        "rules": FieldSchema(items=FieldSchema(fields={"match": FieldSchema()})),
        "finalizers": FieldSchema(is_set=True),
        "limit": FieldSchema(quantity=True),
    }
)


@pytest.mark.parametrize(
    ("desired", "live", "paths"),
    [
        ({"selector": {"a": "1"}}, {"selector": {"a": "1"}}, []),
        ({"selector": {"a": "1"}}, {"selector": {"a": "1", "b": "2"}}, ["selector"]),
        ({"ports": [{"port": 1}]}, {"ports": [{"port": 1, "protocol": "TCP"}]}, []),
        ({"ports": [{"port": 1}]}, {"ports": [{"port": 2}, {"port": 1, "protocol": "TCP"}]}, []),
        (
            {"ports": [{"port": 1}]},
            {"ports": [{"port": 1, "protocol": "UDP"}]},
            ["ports[1,TCP]"],
        ),
        (
            {"ports": [{"port": 1, "name": "a"}]},
            {"ports": [{"port": 1, "protocol": "TCP", "name": "b"}]},
            ["ports[1,TCP].name"],
        ),
        (
            {"rules": [{"match": {"x": 1}}]},
            {"rules": [{"match": {"x": 1, "y": 2}}]},
            ["rules[0].match"],
        ),
        ({"rules": [{"match": 1}]}, {"rules": [{"match": 1, "default": 2}]}, []),
        ({"rules": [1]}, {"rules": [1, 2]}, ["rules"]),
        ({"finalizers": ["a"]}, {"finalizers": ["b", "a"]}, []),
        ({"finalizers": ["a"]}, {"finalizers": ["b"]}, ["finalizers"]),
        ({"limit": "0.5"}, {"limit": "500m"}, []),
        ({"limit": "0.5"}, {"limit": "501m"}, ["limit"]),
    ],
)
def test_the_schema_says_how_to_compare(
    desired: Manifest, live: Manifest, paths: list[str]
) -> None:
    assert differences(desired, live, SCHEMA) == paths


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2.5m", "2500u"), ("1e3", "1k"), ("1E3", "1000"), ("1E", "1e18"), ("0.5Gi", "512Mi"),
        (".5", "500m"), ("1.", 1), ("+1", "1"), ("-1.5", "-1500m"), (0.1, "100m"), ("0", "0m"),
        ("0.1n", "1n"), ("100E", str(2**63 - 1)), ("12e-2", "0.12"),
    ],
)  # fmt: skip
def test_the_same_quantity(one: object, other: object) -> None:
    assert same_quantity(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1m"),
        ("1Ki", "1k"),
        ("", ""),
        ("a", "a"),
        ("1e", "1e"),
        (True, 1),
        (None, None),
        ("10e9999", "1e10000"),  # with more zeros, computed for hours
        (f"{'9' * 5000}", f"{'9' * 5000}.0"),
    ],
)
def test_what_is_not_the_same_quantity(one: object, other: object) -> None:
    assert not same_quantity(one, other)
