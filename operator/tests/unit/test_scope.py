"""Two namespaces with the same ShopServices: nothing outside them is shared by accident."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from shop_operator.api.api_client import ApiClient
from shop_operator.api.connection import login
from shop_operator.children.access_secret import Access, Login, decode
from shop_operator.render import render
from shop_operator.settings import Settings
from shop_operator.spec import parse
from shop_operator.stores.errors import StoreError
from shop_operator.stores.platform import Platform

from .specs import service

LOGIN = Login("user", "pass")
SPEC = {
    "image": "a:1",
    "database": {"kind": "postgres", "name": "a"},
    "cache": {"kind": "redis"},
    "queue": {"kind": "rabbitmq"},
    "autoscaling": {"min": 1, "max": 3, "lag": {"perPod": 10}},
    "events": {
        "publishes": [{"topic": "a.events"}],
        "subscribes": [{"topic": "b.events", "group": "a"}],
        "outbox": {},
    },
}
PLATFORM = Settings(
    namespaces=("shop", "staging"),
    scope="namespace",
    cluster_scoped_namespaces=("shop",),
    redis_databases={"staging": 7},
    rabbitmq_vhosts={"staging": "sta/ging"},
)


def children(namespace: str) -> list[dict[str, Any]]:
    body = service("a", SPEC)
    body["metadata"]["namespace"] = namespace
    return render(parse(body), PLATFORM, Access("owner", "capture", LOGIN, LOGIN))


def urls(namespace: str) -> dict[str, str]:
    [found] = [c for c in children(namespace) if c["metadata"]["name"] == "a-access"]
    return {name: urlsplit(decode(url)).path for name, url in found["data"].items()}


def test_each_namespace_has_its_part_of_every_store() -> None:
    assert urls("shop") == {"database_url": "/a", "redis_url": "/0", "rabbitmq_url": "/"}
    assert urls("staging") == {
        "database_url": "/staging__a",
        "redis_url": "/7",
        "rabbitmq_url": "/sta%2Fging",
    }


def test_pods_and_the_autoscaler_are_told_the_prefix() -> None:
    def told(namespace: str) -> list[object]:
        [deployment] = [c for c in children(namespace) if c["kind"] == "Deployment"]
        environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        prefixes = [e["value"] for e in environment if e["name"] == "KAFKA_TOPIC_PREFIX"]
        triggers = [
            (each["metadata"]["topic"], each["metadata"]["consumerGroup"])
            for found in children(namespace)
            if found["kind"] == "ScaledObject"
            for each in found["spec"]["triggers"]
            if each["type"] == "kafka"
        ]
        return [*prefixes, *triggers]

    assert told("shop") == [("b.events", "a")]
    assert told("staging") == ["staging.", ("staging.b.events", "staging.a")]


@pytest.mark.parametrize("store", ["redis", "rabbitmq"])
async def test_a_namespace_without_a_part_of_its_own_shares_none(store: str) -> None:
    settings = PLATFORM.model_copy(update={"redis_databases": {}, "rabbitmq_vhosts": {}})
    platform = Platform(ApiClient(login), settings)
    with pytest.raises(StoreError, match=r"MINISHOP_\w+=\{") as caught:
        await getattr(platform, store)("staging")
    assert caught.value.reason == "StoreNotSeparate"
    example = str(caught.value).partition("=")[2]
    assert set(json.loads(example)) == {"staging"}
