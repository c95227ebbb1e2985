"""Only desired fields are compared, in the way that the API server writes them."""

import pytest

from shop_operator.apply.diff import differences
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
