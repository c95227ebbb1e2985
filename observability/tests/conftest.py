import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from shop_servers.packages import debian

from .emitted import PROGRAMS, Emitted, read

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A real Prometheus that scrapes nothing."""
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), {}) as client:
        yield client


@contextmanager
def running_prometheus(
    folder: Path, configuration: Mapping[str, object], *flags: str
) -> Iterator[httpx.Client]:
    """Run a real Prometheus with a configuration meanwhile, its files in a folder."""
    program = asyncio.run(debian("prometheus", "prometheus"))
    (folder / "prometheus.yml").write_text(json.dumps(configuration))  # JSON is YAML
    address = free_address()
    command = [str(program), f"--config.file={folder}/prometheus.yml", *flags]
    command += [f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            with httpx.Client(base_url=f"http://{address}", timeout=30) as client:
                deadline = time.monotonic() + 120
                while not _answers(client, "/-/ready"):
                    assert process.poll() is None, (folder / "log").read_text()
                    assert time.monotonic() < deadline, (folder / "log").read_text()
                    time.sleep(0.1)
                yield client
        finally:
            process.terminate()


def free_address() -> str:
    """Return an address of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def emitted() -> Emitted:
    """What each program, and a node, answers at /metrics, each in a process of its own."""
    here = Path(__file__).parent
    running = {
        name: subprocess.Popen(
            [sys.executable, here / "emitted.py", name],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT / 'tests'}:{here}", "PATH": "/usr/bin:/bin"},
        )
        for name in PROGRAMS
    }
    told = {}
    for name, process in running.items():
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, name
        told[name] = json.loads(said)
    return read(told, node=of_node())


def of_node() -> dict[str, frozenset[str]]:
    """Return the labels of each series that a real node_exporter answers here, by its name."""
    program = asyncio.run(debian("prometheus-node-exporter", "prometheus-node-exporter"))
    address = free_address()
    command = [str(program), f"--web.listen-address={address}", "--log.level=error"]
    with subprocess.Popen(command) as process:
        try:
            with httpx.Client(base_url=f"http://{address}", timeout=30) as client:
                deadline = time.monotonic() + 60
                while not _answers(client, "/"):
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
                text = client.get("/metrics").raise_for_status().text
        finally:
            process.terminate()
    return {
        sample.name: frozenset(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
