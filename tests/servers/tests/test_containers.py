"""Containers where a Docker daemon answers, processes elsewhere; no daemon is needed for this."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest
from shop_servers import containers
from shop_servers.host import KINDS, kinds
from shop_servers.instance import ServerInstance


class Daemon(BaseHTTPRequestHandler):
    """Of Docker, as far as its being there goes."""

    def do_GET(self) -> None:
        body = b'{"ApiVersion": "1.47"}' if self.path.endswith("/version") else b"OK"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    monkeypatch.delenv("SHOP_SERVERS", raising=False)
    with ThreadingUnixStreamServer(str(path), Daemon) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.fixture
def instance(tmp_path: Path) -> ServerInstance:
    instance = ServerInstance(name="any", directory=tmp_path, durable=False)
    instance.others = {"kafka": {"bootstrap_servers": "127.0.0.1:9092"}}
    return instance


def test_processes_where_no_daemon_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    assert kinds() is KINDS
    # A daemon's socket that nobody listens on any more.
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "docker.sock"))
    assert kinds() is KINDS


def test_containers_where_a_daemon_answers(daemon: None) -> None:
    chosen = kinds()
    assert chosen.keys() == KINDS.keys()
    for name, kind in chosen.items():
        assert kind.start is containers.STARTS.get(name, KINDS[name].start)
        assert kind.needs == KINDS[name].needs


def test_processes_where_somebody_wants_them(daemon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SERVERS", "processes")
    assert kinds() is KINDS


@pytest.mark.parametrize("name", containers.STARTS)
def test_a_container_listens_where_its_process_would(name: str, instance: ServerInstance) -> None:
    made = containers.recipe(name, instance)
    said = [*made.command, *made.environment.values(), *made.files.values()]
    assert any(str(instance.port()) in word for word in said)
