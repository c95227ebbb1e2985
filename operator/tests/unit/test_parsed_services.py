"""Each version of a ShopService is parsed once, and what is gone or unreadable is not listed."""

from typing import Any, cast

from shop_operator.api.api_client import ApiClient
from shop_operator.api.cache import Cache
from shop_operator.api.informer import Informer
from shop_operator.api.kinds import SHOP_SERVICE
from shop_operator.gateway_reports import GatewayReports
from shop_operator.metadata import Manifest
from shop_operator.parsed_services import ParsedServices
from shop_operator.route_registry import RouteRegistry
from shop_operator.settings import Settings
from shop_operator.spec import Key, parse


def informer(namespace: str = "shop") -> Informer:
    """Return an informer that nobody runs: objects come by `observe_write`."""
    client = cast("ApiClient", None)
    return Informer(client, SHOP_SERVICE, namespace, lambda *_: None, seconds=60)


def body(name: str, version: int, **more: Any) -> Manifest:
    metadata = {"name": name, "namespace": "shop", "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"image": "a:1"}} | more


def names(services: ParsedServices) -> list[str]:
    return [service.name for service in services]


def test_each_version_is_parsed_once() -> None:
    shop = informer()
    services = ParsedServices({"shop": shop})
    shop.observe_write(body("a", 1))
    shop.observe_write(body("b", 2))
    before = list(services)
    assert [service.name for service in before] == ["a", "b"]
    shop.observe_write(body("b", 3, status={"url": "http://b"}))
    after = list(services)
    assert after[0] is before[0]
    assert after[1].status["url"] == "http://b"


def test_each_change_is_counted_once() -> None:
    shop = informer()
    services = ParsedServices({"shop": shop})
    counts = []
    for version in (1, 1, 2):
        shop.observe_write(body("a", version))
        for _ in range(2):
            services.refresh()
            counts.append(services.changes)
    assert counts == [1, 1, 1, 1, 2, 2]


def test_a_change_that_another_saw_first_is_no_less_news_to_the_routes() -> None:
    shop = informer()
    services = ParsedServices({"shop": shop})
    registry = RouteRegistry(
        services=services,
        cache=cast("Cache", None),
        platform=Settings(),
        reports=cast("GatewayReports", None),
    )
    spec = {"image": "a:1", "route": {"paths": ["/a"]}}
    service = parse(body("one", 1, spec=spec))
    assert registry.with_won_paths(service) == service
    shop.observe_write(body("older", 1, spec=spec))
    assert names(services) == ["older"]  # as the webhook asks
    route = registry.with_won_paths(service).spec.route
    assert route is not None
    assert route.paths == ()


def test_a_namespace_that_goes_takes_its_services_and_may_come_again() -> None:
    informers = {"shop": informer(), "other": informer("other")}
    services = ParsedServices(informers)
    informers["shop"].observe_write(body("a", 1))
    assert names(services) == ["a"]
    del informers["shop"]
    assert names(services) == []
    informers["shop"] = informer()
    informers["shop"].observe_write(body("b", 1))
    assert names(services) == ["b"]
    assert services.get(Key("shop", "a")) is None


def test_what_cannot_be_read_is_not_listed_until_it_can() -> None:
    shop = informer()
    services = ParsedServices({"shop": shop})
    shop.observe_write(body("a", 1) | {"spec": {"image": 7}})
    assert names(services) == []
    shop.observe_write(body("a", 2))
    assert names(services) == ["a"]


def test_of_a_status_only_what_others_need_is_kept() -> None:
    shop = informer()
    services = ParsedServices({"shop": shop})
    conditions = [{"type": kind, "status": "True"} for kind in ("Ready", "RouteReady")]
    external = [{"kind": kind, "name": "a"} for kind in ("Database", "CacheUser", "QueueUser")]
    status = {"url": "u", "readyReplicas": 1, "children": [{"kind": "Deployment"}]}
    lists = {"conditions": conditions, "external": external}
    shop.observe_write(body("a", 1, status=status | lists))
    [service] = services
    kept = {"url": "u", "readyReplicas": 1}
    assert service.status == kept | {"conditions": conditions[1:], "external": external[1:]}


def test_a_status_is_no_other_declaration() -> None:
    shop = informer()
    services = ParsedServices({"shop": shop})

    def after(found: Manifest, **metadata: object) -> bool:
        """Return True if what is declared counts as changed."""
        before = services.declarations
        shop.observe_write(found | {"metadata": found["metadata"] | metadata})
        services.refresh()
        return services.declarations != before

    assert after(body("a", 1), generation=1)
    assert after(body("b", 2), generation=1)
    assert not after(body("a", 3, status={"url": "u"}), generation=1)
    assert after(body("a", 4), generation=2)
    assert after(body("a", 5), generation=2, deletionTimestamp="2026-01-01T00:00:00Z")
    assert after(body("a", 6) | {"spec": {"image": 7}}, generation=3)
    assert not after(body("a", 7) | {"spec": {"image": 8}}, generation=4)
    assert after(body("a", 8), generation=5, uid="another")
