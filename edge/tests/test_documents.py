"""What is made of a declarative configuration, and what is refused of one."""

from pathlib import Path
from typing import Any

import pytest

from shop_edge.certificate import self_signed
from shop_edge.entities import Declared, parse
from shop_edge.envoy.snapshot import NOTHING, Ports, Snapshot, snapshot
from shop_edge.errors import InvalidConfigError
from shop_edge.plugins import rate_limiting
from shop_edge.plugins.registry import KNOWN, schema

from .documents import document, plugin, route

PORTS = Ports(http=8000, https=8443, admin=9901)


def made(found: dict[str, Any]) -> Snapshot:
    folder = Path("/run/kong")
    return snapshot(parse(found), folder=folder, ports=PORTS, fallback=self_signed())


def refused(found: dict[str, Any]) -> list[dict[str, Any]]:
    with pytest.raises(InvalidConfigError) as raised:
        made(found)
    errors: list[dict[str, Any]] = raised.value.body()["flattened_errors"]
    return errors


def test_every_known_plugin_has_a_schema_that_names_its_settings() -> None:
    for name, model in KNOWN.items():
        found = schema(name)
        assert found is not None
        [config] = found["fields"]
        named = {key for field in config["config"]["fields"] for key in field}
        assert named == set(model.model_fields)
    assert schema("key-auth") is None


def test_settings_that_are_null_are_unset() -> None:
    declared = plugin("rate-limiting", minute=5, hour=None, redis_host=None, policy=None)
    assert made(document(plugins=[declared])).routes


def test_entities_that_are_not_done_are_named() -> None:
    found = document() | {"consumers": [{"username": "ada", "tags": ["k8s-name:ada"]}]}
    [error] = refused(found)
    assert error["entity_type"] == "consumer"
    assert error["entity_tags"] == ["k8s-name:ada"]
    assert error["errors"][0]["message"] == "kong-standin does not do consumers"


def test_a_field_of_a_route_that_is_not_known_is_refused_and_named() -> None:
    found = document(routes=[route("/", snis=["a.example"])])
    [error] = refused(found)
    assert (error["entity_type"], error["entity_name"]) == ("route", "r")
    assert error["errors"] == [{"type": "field", "field": "snis", "message": "unknown field"}]


@pytest.mark.parametrize(
    "entity",
    [{"protocol": "grpc"}, {"path": "/v1"}, {"tls_verify": True}, {"port": 0}],
    ids=str,
)
def test_a_service_that_could_not_be_reached_so_is_refused(entity: dict[str, Any]) -> None:
    found = document()
    found["services"][0] |= entity
    [error] = refused(found)
    assert (error["entity_type"], error["errors"][0]["field"]) == ("service", *entity)


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = [plugin("key-auth"), plugin("rate-limiting", minute=0), plugin("acl")]
    assert {each["entity_name"] for each in refused(document(plugins=wrong))} == {
        "key-auth",
        "rate-limiting",
        "acl",
    }


def test_a_plugin_that_is_off_is_none() -> None:
    off = plugin("rate-limiting", minute=1) | {"enabled": False}
    assert made(document(plugins=[off])).routes == made(document()).routes


@pytest.mark.parametrize(
    ("plugins", "wanted"),
    [
        ([{"route": "", "minute": 9}], 9),
        ([{"route": "", "minute": 9}, {"route": "", "service": "s", "minute": 8}], 8),
        ([{"route": "r", "minute": 7}, {"route": "", "service": "s", "minute": 8}], 7),
        ([{"route": "other", "minute": 7}, {"route": "", "minute": 9}], 9),
    ],
)
def test_the_plugin_that_is_nearest_to_a_route_is_its_own(
    plugins: list[dict[str, Any]], wanted: int
) -> None:
    declared = [
        plugin("rate-limiting", minute=each["minute"], route=each["route"])
        | {"service": each.get("service", "")}
        for each in plugins
    ]
    [found] = made(document(plugins=declared)).routes
    filters = found["virtual_hosts"][0]["routes"][0]["typed_per_filter_config"]
    [descriptor] = filters[rate_limiting.FILTER]["descriptors"]
    assert descriptor["token_bucket"]["max_tokens"] == wanted


def test_a_host_with_a_wildcard_is_below_one_that_is_whole() -> None:
    routes = [
        route("/", name="any", hosts=["*.shop.example"]),
        route("/", name="one", hosts=["www.shop.example"]),
    ]
    [found] = made(document(routes=routes)).routes
    domains = {each["name"]: len(each["routes"]) for each in found["virtual_hosts"]}
    # Two of Envoy's for each: what may be sent again, and what may not.
    assert domains == {"*.shop.example": 2, "www.shop.example": 4}


def test_clusters_that_go_stay_until_no_route_leads_there() -> None:
    before, after = document(), document()
    after["services"][0]["name"] = "t"
    both = made(after).with_clusters_of(made(before))
    assert [each["name"] for each in both.clusters] == ["t", "s"]
    assert both.routes == made(after).routes
    assert made(Declared().model_dump()).with_clusters_of(NOTHING).clusters == []


def test_all_addresses_of_one_subscriber_have_one_limit() -> None:
    [found] = made(document(plugins=[plugin("rate-limiting", minute=2)])).routes
    config = found["virtual_hosts"][0]["routes"][0]["typed_per_filter_config"]
    [actions] = config[rate_limiting.FILTER]["rate_limits"]
    assert actions["actions"][1:] == [{"masked_remote_address": {"v6_prefix_mask_len": 64}}]
    [descriptor] = config[rate_limiting.FILTER]["descriptors"]
    assert [each["key"] for each in descriptor["entries"]] == ["window", "masked_remote_address"]
