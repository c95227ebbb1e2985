"""What is declared to the Admin API is what a real Envoy does, at once."""

import socket
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
from h2.connection import H2Connection
from h2.events import Event, RemoteSettingsChanged

from shop_cluster.certificates import Authority
from shop_edge.envoy.snapshot import Ports
from shop_edge.gateway import Gateway

from .backend import Backend
from .conftest import PROGRAM, Edge
from .documents import document, plugin, route


def targets(backends: list[Backend]) -> list[str]:
    return [each.target for each in backends]


def test_the_kubelet_is_answered_by_ipv6_too(edge: Edge) -> None:
    port = httpx.URL(edge.status).port
    for address in ("127.0.0.1", "[::1]"):
        assert httpx.get(f"http://{address}:{port}/status").status_code in {200, 503}


def test_without_a_configuration_nothing_is_ready(new_edge: Edge, backends: list[Backend]) -> None:
    assert httpx.get(f"{new_edge.status}/status/ready").status_code == 503
    answer = httpx.get(new_edge.http)
    assert (answer.status_code, answer.json()) == (
        404,
        {"message": "no Route matched with those values"},
    )
    new_edge.take(document(targets=targets(backends)))
    assert httpx.get(f"{new_edge.status}/status/ready").status_code == 200
    assert httpx.get(new_edge.http).status_code == 200


def test_requests_of_both_versions_of_http_arrive(edge: Edge, backends: list[Backend]) -> None:
    edge.take(document(targets=targets(backends)))
    with httpx.Client(http1=False, http2=True) as client:
        answer = client.get(f"{edge.http}/a?b=c", headers={"X-Forwarded-For": "203.0.113.9"})
        assert answer.http_version == "HTTP/2"
    said = answer.json()
    assert said["path"] == "/a?b=c"
    # Who opened the connection comes last, after what it says of itself. In place of a loopback
    # address Envoy names one of the machine's own.
    claimed, seen = said["headers"]["x-forwarded-for"].split(",")
    assert claimed == "203.0.113.9"
    assert seen != claimed
    assert said["headers"]["x-forwarded-proto"] == "http"
    assert not [name for name in said["headers"] if "envoy" in name]
    assert httpx.get(edge.http).http_version == "HTTP/1.1"


def test_a_connection_of_http_2_holds_no_more_than_it_needs(
    edge: Edge, backends: list[Backend]
) -> None:
    edge.take(document(targets=targets(backends)))
    address = httpx.URL(edge.http)
    client = H2Connection()
    client.initiate_connection()
    with socket.create_connection((address.host, address.port or 80), timeout=20) as opened:
        opened.sendall(client.data_to_send())
        events: list[Event] = []
        while not any(isinstance(each, RemoteSettingsChanged) for each in events):
            events += client.receive_data(opened.recv(65536))
    assert client.remote_settings.max_concurrent_streams == 100
    assert client.remote_settings.initial_window_size == 64 * 1024


def test_tls_with_the_declared_certificate(
    edge: Edge, backends: list[Backend], tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "pki")
    certificate, key = authority.issue("kong", user="kong", hosts=["shop.localhost", "127.0.0.1"])
    pair = {
        "id": "b2a7e7a4-0000-4000-8000-000000000000",
        "cert": certificate.read_text(),
        "key": key.read_text(),
        "snis": [{"name": "shop.localhost"}],
    }
    trusted = ssl.create_default_context(cafile=str(authority.certificate))
    edge.take(document(targets=targets(backends)))
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(edge.https, verify=trusted)
    edge.take(document(targets=targets(backends), certificates=[pair]))
    for newest in (False, True):
        with httpx.Client(http1=not newest, http2=newest, verify=trusted) as client:
            answer = client.get(edge.https)
        assert answer.json()["headers"]["x-forwarded-proto"] == "https"
        assert answer.http_version == ("HTTP/2" if newest else "HTTP/1.1")


def test_a_limit_and_its_change_on_a_connection_that_is_open(
    edge: Edge, backends: list[Backend]
) -> None:
    with httpx.Client() as client:
        for limit in (3, 5):
            limited = plugin("rate-limiting", minute=limit, policy="local")
            edge.take(document(targets=targets(backends), plugins=[limited]))
            answers = [client.get(edge.http) for _ in range(limit + 2)]
            assert [each.status_code for each in answers] == [200] * limit + [429] * 2
            assert answers[-1].json() == {"message": "API rate limit exceeded"}
            assert int(answers[-1].headers["retry-after"]) >= 1
        edge.take(document(targets=targets(backends)))
        assert {client.get(edge.http).status_code for _ in range(9)} == {200}


def test_each_address_has_its_own_limit(edge: Edge, backends: list[Backend]) -> None:
    limited = plugin("rate-limiting", minute=2, policy="local", limit_by="ip")
    edge.take(document(targets=targets(backends), plugins=[limited]))
    for address in ("127.0.0.1", "127.0.0.2"):
        with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
            codes = [client.get(edge.http).status_code for _ in range(3)]
        assert codes == [200, 200, 429]


def test_a_backend_that_is_gone_costs_no_request(edge: Edge, backends: list[Backend]) -> None:
    gone = Backend()
    gone.close()
    edge.take(document(targets=[gone.target, *targets(backends)]))
    with httpx.Client() as client:
        for method in ("GET", "POST"):  # nothing was sent: both may be tried again
            answers = [client.request(method, edge.http) for _ in range(20)]
            assert {each.status_code for each in answers} == {200}


def test_a_backend_that_dies_in_a_request_costs_only_what_may_not_be_sent_again(
    edge: Edge, backends: list[Backend]
) -> None:
    dying = Backend(rude=True)
    edge.take(document(targets=[dying.target, backends[0].target]))
    try:
        with httpx.Client() as client:
            assert {client.get(edge.http).status_code for _ in range(20)} == {200}
            assert {client.put(edge.http).status_code for _ in range(20)} == {200}
            codes = {client.post(edge.http, content=b"x").status_code for _ in range(10)}
            assert codes == {200, 502}
    finally:
        dying.close()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (plugin("key-auth"), "name"),
        (plugin("rate-limiting", minute=5, policy="redis"), "config.policy"),
        (plugin("rate-limiting"), "config."),
        (plugin("correlation-id", header_name="not a header"), "config.header_name"),
        (plugin("ip-restriction", allow=["everybody"]), "config.allow.0"),
    ],
)
def test_what_is_not_done_is_refused_and_all_goes_on(
    edge: Edge, backends: list[Backend], wrong: dict[str, object], field: str
) -> None:
    edge.take(document(targets=targets(backends)))
    before = httpx.get(f"{edge.admin}/status").json()["configuration_hash"]
    answer = edge.configure(document(targets=targets(backends), plugins=[wrong]))
    assert answer.status_code == 400
    [found] = answer.json()["flattened_errors"]
    assert (found["entity_type"], found["entity_name"]) == ("plugin", wrong["name"])
    assert "k8s-name:limit" in found["entity_tags"]
    assert found["errors"][0]["field"].startswith(field)
    assert httpx.get(f"{edge.admin}/status").json()["configuration_hash"] == before
    assert httpx.get(edge.http).status_code == 200


def test_what_envoy_refuses_changes_nothing(edge: Edge, backends: list[Backend]) -> None:
    edge.take(document(targets=targets(backends)))
    # Python's and Kong's expressions know a look-ahead, Envoy's do not.
    answer = edge.configure(document(routes=[route("~/(?=x)")]))
    assert answer.status_code == 400
    assert "(?=" in answer.json()["message"]
    assert httpx.get(edge.http).status_code == 200


def test_headers_are_set_and_taken_away(edge: Edge, backends: list[Backend]) -> None:
    plugins = [
        plugin("correlation-id", header_name="X-Request-Id", echo_downstream=True),
        plugin(
            "response-transformer",
            remove={"headers": ["X-Secret"]},
            add={"headers": ["X-Shop:100% open"]},
        ),
    ]
    edge.take(document(targets=targets(backends), plugins=plugins))
    answers = [httpx.get(edge.http) for _ in range(2)]
    ids = {each.json()["headers"]["x-request-id"] for each in answers}
    assert len(ids) == 2
    assert {each.headers["x-request-id"] for each in answers} == ids
    assert "x-secret" not in answers[0].headers
    assert answers[0].headers["x-shop"] == "100% open"
    own = httpx.get(edge.http, headers={"X-Request-Id": "mine"})
    assert own.json()["headers"]["x-request-id"] == own.headers["x-request-id"] == "mine"


def test_size_addresses_and_origins_are_limited(edge: Edge, backends: list[Backend]) -> None:
    plugins = [
        plugin("request-size-limiting", allowed_payload_size=10, size_unit="bytes"),
        plugin("ip-restriction", allow=["127.0.0.0/8"], deny=["127.0.0.2"]),
        plugin("cors", origins=["https://shop.example"], methods=["GET"], max_age=60),
    ]
    edge.take(document(targets=targets(backends), plugins=plugins))
    assert httpx.post(edge.http, content=b"x" * 10).status_code == 200
    assert httpx.post(edge.http, content=b"x" * 11).status_code == 413
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2")) as client:
        assert client.get(edge.http).status_code == 403
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    answer = httpx.options(edge.http, headers=asked)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-max-age"] == "60"
    others = httpx.get(edge.http, headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in others.headers


def test_the_route_that_says_more_is_taken(edge: Edge, backends: list[Backend]) -> None:
    routes = [
        route("/", name="all"),
        route("/", name="host", hosts=["shop.localhost"]),
        route("~/v1$", "/v1/", name="path", hosts=["shop.localhost"]),
        route("/v1/x", name="method", hosts=["shop.localhost"], methods=["POST"]),
    ]
    plugins = [
        plugin(
            "response-transformer", route=each["name"], add={"headers": [f"X-Route:{each['name']}"]}
        )
        for each in routes
    ]
    edge.take(document(targets=targets(backends), routes=routes, plugins=plugins))

    def taken(method: str, path: str, host: str) -> str:
        found = httpx.request(method, f"{edge.http}{path}", headers={"Host": host})
        return str(found.headers["x-route"])

    assert taken("GET", "/v1", "elsewhere") == "all"
    assert taken("GET", "/", "shop.localhost:8080") == "host"
    assert taken("GET", "/v1", "shop.localhost") == "path"
    assert taken("GET", "/v1/x", "shop.localhost") == "path"
    assert taken("GET", "/v1x", "shop.localhost") == "host"
    assert taken("POST", "/v1/x", "shop.localhost") == "method"


def test_requests_go_on_while_services_come_and_go(edge: Edge, backends: list[Backend]) -> None:
    with httpx.Client() as client:
        for number in range(6):
            found = document(targets=[backends[number % 2].target])
            found["services"][0]["name"] = f"s{number}"
            edge.take(found)
            assert {client.get(edge.http).status_code for _ in range(10)} == {200}


def test_services_have_endpoints_of_their_own(edge: Edge, backends: list[Backend]) -> None:
    first, second = (document(targets=[each.target]) for each in backends)
    second["services"][0] |= {"name": "t", "host": "t.upstream", "routes": [route("/t", name="t")]}
    second["upstreams"][0]["name"] = "t.upstream"
    both = {
        key: [*first[key], *second[key]] if key != "_format_version" else "3.0" for key in first
    }
    for _ in range(2):
        edge.take(both)
        ports = {httpx.get(f"{edge.http}{path}").json()["port"] for path in ("/", "/t")}
        assert ports == {int(each.target.rpartition(":")[2]) for each in backends}
        edge.take(first)
    assert len(list(edge.folder.glob("eds-*.json"))) == 1


def test_after_a_restart_the_configuration_is_in_force(
    edge: Edge, backends: list[Backend], tmp_path: Path
) -> None:
    edge.take(document(targets=targets(backends)))
    (tmp_path / "kong.json").write_bytes((edge.folder / "kong.json").read_bytes())
    again = Gateway(tmp_path, ports=Ports(http=1, https=2, admin=3))
    assert again.hash == httpx.get(f"{edge.admin}/status").json()["configuration_hash"]
    [endpoints] = tmp_path.glob("eds-*.json")
    assert '"127.0.0.1"' in endpoints.read_text()


def test_drained_it_answers_and_ends_connections(edge: Edge, backends: list[Backend]) -> None:
    edge.take(document(targets=targets(backends)))
    assert "connection" not in httpx.get(edge.http).headers
    drain = [str(PROGRAM), f"--envoy-admin={edge.envoy_admin}", "drain", "--seconds=1"]
    subprocess.run(drain, check=True)
    try:
        answer = httpx.get(edge.http)
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    finally:
        httpx.post(f"http://127.0.0.1:{edge.envoy_admin}/healthcheck/ok").raise_for_status()
