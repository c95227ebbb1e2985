"""What is refused and what is warned of, before a ShopService is taken."""

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_operator.admission import certificate as certificates
from shop_operator.admission.review import review
from shop_operator.settings import Settings
from shop_operator.spec import ShopService, parse

from .specs import NAMES, service, specs

PLATFORM = Settings(edge="gateway-api")
POSTGRES = {"kind": "postgres", "name": "things"}


def a(name: str, **spec: Any) -> ShopService:
    namespace = spec.pop("namespace", "shop")
    return parse(service(name, {"image": "a:1", **spec}, namespace=namespace))


def publishes(topic: str) -> dict[str, Any]:
    return {"publishes": [{"topic": topic}]}


def reads(topic: str, group: str) -> dict[str, Any]:
    return {"subscribes": [{"topic": topic, "group": group}]}


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"database": POSTGRES}, "things"),
        ({"database": {"kind": "mongodb", "name": "things"}}, "things"),
        ({"events": publishes("things.events")}, "things.events"),
        ({"events": reads("other.events", "things")}, "other.events.things.dlt"),
        ({"route": {"paths": ["/v1/things"], "via": "gateway"}}, "/v1/things"),
        ({"route": {"paths": ["/v1/things"], "via": "edge"}}, "/v1/things"),
    ],
)
def test_what_another_has_is_refused_with_whose_it_is(spec: dict[str, Any], what: str) -> None:
    [first, *_] = review(a("thief", **spec), None, [a("owner", **spec)], PLATFORM).refusals
    assert what in first
    assert "shop/owner" in first


@pytest.mark.parametrize("end", ["alt", "cdc"])
def test_a_database_whose_roles_another_has_or_will_have_is_refused(end: str) -> None:
    """The second login comes only with a rotation, and could then not be made."""
    one = a("one", database=POSTGRES)
    two = a("two", database={"kind": "postgres", "name": f"things_{end}"})
    said = f"Role things_{end} in PostgreSQL is taken by ShopService shop/"
    assert review(two, None, [one], PLATFORM).refusals == (f"{said}one",)
    assert review(one, None, [two], PLATFORM).refusals == (f"{said}two",)
    assert review(one, one, [two], PLATFORM).refusals == ()
    documents = a("two", database={"kind": "mongodb", "name": f"things_{end}"})
    assert review(documents, None, [one], PLATFORM).refusals == ()


@pytest.mark.parametrize(
    "path",
    [
        "secret/data/shop/owner/stripe",
        "secret/data/shop/thief",
        "secret/data/shop/thief/",
        "secret/data/shop/thief/../owner/stripe",
        "secret/data/shop/thief//stripe",
        "secret/shop/thief/stripe",
        "secret/metadata/shop/thief/stripe",
        "database/creds/shop-owner",
        "/secret/data/shop/thief/stripe",
    ],
)
def test_a_file_outside_the_services_own_folder_in_vault_is_refused(path: str) -> None:
    files = [{"name": "key", "path": path, "key": "k"}]
    service = a("thief", secrets={"provider": "vault", "files": files})
    [refusal] = review(service, None, [], PLATFORM).refusals
    assert path in refusal
    assert "secret/data/shop/thief/" in refusal
    assert review(service, service, [], PLATFORM).refusals == ()
    by_role = {"provider": "vault", "role": "of-mine", "files": files}
    assert review(a("thief", secrets=by_role), None, [], PLATFORM).refusals == ()


def test_a_file_without_a_key_or_with_a_template_beside_it_is_warned_of() -> None:
    def warnings(**file: str) -> tuple[str, ...]:
        path = {"name": "api_key", "path": "secret/data/shop/one/stripe"}
        secrets = {"provider": "vault", "files": [{**path, **file}]}
        return review(a("one", secrets=secrets), None, [], PLATFORM).warnings

    assert warnings(key="k") == ()
    assert warnings(template="t") == ()
    assert "names no key" in warnings()[0]
    assert "k is unused" in warnings(key="k", template="t")[0]


def test_a_file_in_the_services_own_folder_is_taken() -> None:
    for path in ("secret/data/shop/one/stripe", "secret/data/shop/one/a/b"):
        secrets = {"provider": "vault", "files": [{"name": "key", "path": path, "key": "k"}]}
        assert review(a("one", secrets=secrets), None, [], PLATFORM).refusals == ()


def test_a_path_is_the_same_with_a_slash_at_its_end() -> None:
    routes = [{"paths": [path], "via": "gateway"} for path in ("/v1/things", "/v1/things/")]
    owner, thief = a("owner", route=routes[0]), a("thief", route=routes[1])
    assert len(review(thief, None, [owner], PLATFORM).refusals) == 1


def test_a_gateways_paths_are_of_its_namespace_and_an_edges_of_its_host() -> None:
    inside = {"paths": ["/v1/things"], "via": "gateway"}
    elsewhere = a("owner", namespace="staging", route=inside)
    assert review(a("other", route=inside), None, [elsewhere], PLATFORM).refusals == ()
    edge = {"paths": ["/v1/things"], "host": "a.localhost"}
    owner = a("owner", namespace="staging", route=edge)
    assert len(review(a("thief", route=edge), None, [owner], PLATFORM).refusals) == 1
    other_host = a("other", route={**edge, "host": "b.localhost"})
    assert review(other_host, None, [owner], PLATFORM).refusals == ()


def test_an_old_conflict_does_not_bar_other_changes() -> None:
    conflicting = {"events": publishes("things.events")}
    owner, old = a("owner", **conflicting), a("loser", **conflicting)
    changed = a("loser", replicas=3, **conflicting)
    assert review(changed, old, [owner], PLATFORM).refusals == ()
    assert review(changed, None, [owner], PLATFORM).refusals != ()


@given(spec=specs(), name=NAMES)
def test_nobody_is_in_his_own_way(spec: dict[str, Any], name: str) -> None:
    here = a(name, **{**spec, "image": "a:1"})
    assert review(here, here, [here], PLATFORM).refusals == ()
    assert review(here, None, [here], PLATFORM).refusals == ()


@pytest.mark.parametrize(
    ("image", "warned"),
    [
        ("a", True),
        ("a:latest", True),
        ("registry:5000/a", True),
        ("registry:5000/a:1.0", False),
        ("a@sha256:0123", False),
        ("a:latest@sha256:0123", False),
    ],
)
def test_an_image_that_can_change_is_warned_of(image: str, *, warned: bool) -> None:
    found = review(a("a", image=image), None, [], PLATFORM).warnings
    assert any("spec.image" in warning for warning in found) is warned


def test_a_topic_that_nobody_publishes_is_warned_of_with_the_likely_one() -> None:
    owner = a("order", events=publishes("order.events"))
    typo = a("reader", events=reads("order.evens", "reader"))
    assert review(typo, None, [owner], PLATFORM).warnings == (
        "no ShopService here publishes order.evens; is order.events meant?",
    )
    right = a("reader", events=reads("order.events", "reader"))
    assert review(right, None, [owner], PLATFORM).warnings == ()


def test_a_peer_that_is_nearly_a_services_name_is_warned_of() -> None:
    peers = ["ordr", "mailbox", "order", "caller"]
    for field in ("egressTo", "ingressFrom"):
        caller = a("caller", network={field: peers})
        assert review(caller, None, [a("order")], PLATFORM).warnings == (
            f"spec.network.{field}: no ShopService here is ordr; is order meant?",
        )


def test_a_route_without_objectives_is_warned_of() -> None:
    route = {"paths": ["/a"], "via": "gateway"}
    assert "spec.slo" in review(a("a", route=route), None, [], PLATFORM).warnings[0]
    slo = {"availability": "99.9"}
    assert review(a("a", route=route, slo=slo), None, [], PLATFORM).warnings == ()


@pytest.mark.parametrize(("limit", "warnings"), [(300, 0), (9_999, 0), (10_000, 1), (600_000, 1)])
def test_a_latency_that_no_histogram_shows_to_be_missed_is_warned_of(
    limit: int, warnings: int
) -> None:
    found = review(a("a", slo={"latencyP99Ms": limit}), None, [], PLATFORM).warnings
    assert [each.split()[1] for each in found] == [str(limit)] * warnings


@pytest.mark.parametrize(
    ("more", "containers"),
    [
        ({}, []),
        ({"resources": {"requests": {"memory": "96Mi"}}}, ["service"]),
        ({"resources": {"limits": {"cpu": "1"}}}, []),
        ({"template": {"spec": {"containers": [{"name": "side", "image": "a:1"}]}}}, ["side"]),
        ({"template": {"spec": {"containers": [{"name": "service", "env": []}]}}}, []),
    ],
)
def test_an_autoscaler_that_can_measure_nothing_is_warned_of(
    more: dict[str, Any], containers: list[str]
) -> None:
    found = review(a("a", autoscaling={"max": 3}, **more), None, [], PLATFORM).warnings
    assert [each.split()[1] for each in found] == containers
    assert review(a("a", **more), None, [], PLATFORM).warnings == ()


def test_a_certificate_is_kept_renewed_and_trusted_meanwhile(tmp_path: Path) -> None:
    first = certificates.make(("webhook.example", "127.0.0.1"))
    secret = certificates.secret_of(first, namespace="a", name="b")
    assert certificates.certificate_in(secret) == first
    assert not first.is_due(first.expires - timedelta(days=91), first.hosts)
    assert first.is_due(first.expires - timedelta(days=89), first.hosts)
    second = certificates.make(("webhook.example",), before=first)
    assert second.authorities == second.certificate + first.certificate
    certificates.write(second, tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    assert (tmp_path / "tls.key").stat().st_mode & 0o077 == 0


@given(st.dictionaries(st.sampled_from(["tls.crt", "tls.key", "ca.crt"]), st.text(), max_size=3))
def test_a_secret_of_nonsense_is_no_certificate(data: dict[str, str]) -> None:
    assert certificates.certificate_in({"metadata": {"annotations": None}, "data": data}) is None
