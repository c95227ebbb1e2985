"""`kubectl shop` as a person meets it: where it looks, how it fails, what it completes."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from shop_operator.api.kinds import DEPLOYMENT

from .command import PROGRAMS, kubectl_shop, manifest
from .shop import Shop


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "apiVersion: v1\nkind: Config\n", "current-context: gone\ncontexts: []\n"],
    ids=["missing", "empty", "broken", "without a context", "a context that is not there"],
)
@pytest.mark.parametrize(
    "words",
    [("status",), ("logs", "order"), ("trace", "order"), ("dead-letters", "list")],
    ids=lambda words: words[0],
)
def test_a_kubeconfig_that_is_none_is_said_in_a_line(
    tmp_path: Path, text: str | None, words: tuple[str, ...]
) -> None:
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text)
    done = kubectl_shop(*words, "--kubeconfig", str(file))
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.mark.parametrize("words", [("logs", "order"), ("trace", "order")], ids=["logs", "trace"])
def test_what_kubectl_could_not_do_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\nexit 1\n")
    kubectl.chmod(0o755)
    file = tmp_path / "kubeconfig"
    file.write_text(_config("http://127.0.0.1:1"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kubectl_shop(*words, "--kubeconfig", str(file)).returncode == 3


def test_a_server_that_is_no_cluster_is_said_in_a_line(tmp_path: Path) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>It works!</html>")

    file = tmp_path / "kubeconfig"
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            file.write_text(_config(f"http://127.0.0.1:{server.server_port}"))
            done = kubectl_shop("status", "--kubeconfig", str(file))
        finally:
            server.shutdown()
    assert done.returncode == 3, done.stderr
    assert "something that says '<html>It works!" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("data", ["bm9uZQ==", "bm9uZ"], ids=["no certificate", "no base64"])
def test_an_authority_that_is_none_is_said_in_a_line(tmp_path: Path, data: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(_config("https://127.0.0.1:1", f"certificate-authority-data: {data}"))
    done = kubectl_shop("status", "--kubeconfig", str(file))
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "certificate" in done.stderr


def _config(server: str, more: str = "") -> str:
    return f"""
apiVersion: v1
kind: Config
clusters: [{{name: a, cluster: {{server: "{server}", {more}}}}}]
users: [{{name: a, user: {{token: a}}}}]
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
current-context: a
"""


async def test_the_contexts_namespace_is_looked_in(shop: Shop, tmp_path: Path) -> None:
    await shop.declare("here")
    config = json.loads(_as_json(Path(os.environ["KUBECONFIG"])))
    config["contexts"][0]["context"]["namespace"] = shop.namespace
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config))
    done = kubectl_shop("status", "-o", "json", "--kubeconfig", str(file))
    assert [each["name"] for each in json.loads(done.stdout)] == ["here"]


def _as_json(path: Path) -> str:
    code = "import json,sys,yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)"
    command = [sys.executable, "-c", code, str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def test_all_namespaces(shop: Shop) -> None:
    await shop.declare("everywhere")
    done = kubectl_shop("status", "-A")
    assert f"{shop.namespace}/everywhere" in done.stdout


async def test_names_are_completed(shop: Shop) -> None:
    await shop.declare("completed")
    words = ("status", "-n", shop.namespace, "comp")
    done = kubectl_shop(*words, program="kubectl_complete-shop")
    assert done.stdout.splitlines() == ["completed", ":4"]


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        (("pl",), ["plan", ":4"]),
        (("dead-letters", "sh"), ["show", ":4"]),
        (("status", "-o", "j"), ["json", ":4"]),
        (("graph", "-o", ""), ["mermaid", "dot", "json", ":4"]),
        (("status", "-n", ""), [":4"]),
        (("plan", "-f", ""), [":0"]),
        (("plan", "--file"), ["--filename", ":4"]),
    ],
)
def test_words_are_completed(words: tuple[str, ...], candidates: list[str]) -> None:
    done = kubectl_shop(*words, program="kubectl_complete-shop")
    assert done.stdout.splitlines() == candidates


async def test_a_restart_changes_the_pods_and_is_no_drift(shop: Shop) -> None:
    await shop.start()
    await shop.declare("restarted")
    await shop.settled("restarted")
    done = kubectl_shop("restart", "restarted", "-n", shop.namespace)
    assert done.returncode == 0, done.stderr
    await shop.declare("other")  # once this one is made, the first had its turn too
    await shop.settled("other")
    live = await shop.client.get(DEPLOYMENT, shop.namespace, "restarted")
    annotations = live["spec"]["template"]["metadata"]["annotations"]
    assert "kubectl.kubernetes.io/restartedAt" in annotations
    assert (await shop.condition("restarted", "Synced"))["reason"] == "AsDeclared"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pause", "paused/status"), "'paused/status' is no name"),
        (("status", "../.."), "'../..' is no name"),
        (("logs", "a,b=c"), "'a,b=c' is no name"),
        (("status", "-n", "a/b"), "'a/b' is no name"),
        (("status", "a", "-A"), "not allowed with argument name"),
        (("rotate", "a", "--timeout", "-1"), "'-1' is no number of seconds"),
        (("rotate", "a", "--timeout", "soon"), "'soon' is no number of seconds"),
        (("trace", "a", "-n", "shop"), "unrecognized arguments: -n shop"),
        (("trace", "a", "--kafka", "kafka:port"), "'kafka:port' is not HOST:PORT"),
        (("dead-letters", "list", "--kafka", "[::1:9092"), "'[::1:9092' is not HOST:PORT"),
    ],
)
def test_a_wrong_call_is_refused_in_a_line(words: tuple[str, ...], said: str) -> None:
    done = kubectl_shop(*words)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


def test_a_reader_that_has_enough_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [str(PROGRAMS / "kubectl-shop"), "completion"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_an_answer_that_cannot_be_written_is_said_in_a_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [str(PROGRAMS / "kubectl-shop"), "completion"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "kubectl shop: [Errno 28] No space left on device\n"


async def test_another_locale_than_utf_8_is_told_as_much_as_it_takes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await shop.declare("plain")
    for name, value in {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}.items():
        monkeypatch.setenv(name, value)
    done = kubectl_shop("status", "plain", "-n", shop.namespace)
    assert done.returncode == 1, done.stderr
    assert "plain  0/0 pods" in done.stdout
    raw = yaml.safe_dump(manifest(shop, "plain", env=[{"name": "A", "value": "é"}]))
    raw = raw.replace(r"\xE9", "é")
    done = kubectl_shop("plan", "-f", "-", shop=shop, stdin=raw)
    assert r'value: "\xE9"' in done.stdout, done.stderr
    done = kubectl_shop("init", "reviews", "--in", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "…" in (tmp_path / "reviews" / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("program", "words"),
    [("shop-operator", ("run",)), ("kubectl-shop", ("dead-letters", "list"))],
)
@pytest.mark.parametrize(("name", "value"), [("NAMESPACES", "shop"), ("WORKERS", "0")])
def test_a_wrong_setting_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, program: str, words: tuple[str, ...], name: str, value: str
) -> None:
    monkeypatch.setenv(f"MINISHOP_{name}", value)
    done = kubectl_shop(*words, program=program)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert f": MINISHOP_{name}: " in done.stderr
