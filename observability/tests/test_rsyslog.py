"""What rsyslog makes of a pod's file, by its own configuration but for where the lines go."""

import asyncio
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from shop_servers.packages import debian

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = (ROOT / "manifests/observability/logging/rsyslog.conf").read_text()
LINES = """\
2026-11-28T10:00:00.123456789Z stdout F LOG:  checkpoint starting
2026-11-28T17:00:01.5+07:00 stderr F {"event": "order.placed"}
2026-11-28T10:00:02.5Z stdout F LOG:  checkpoint starting
torn
"""
SECONDS = 120.0


def configuration(folder: Path, spool: Path) -> str:
    """Return the configuration for pods' files in a folder; documents and ids go to files."""
    text = CONFIGURATION.replace("/var/log/pods", f"{folder}/pods")
    text = text.replace("/var/spool/rsyslog", str(spool))
    text = text.replace('module(load="omelasticsearch")\n', "")
    to_files = "".join(
        f'action(type="omfile" file="{folder}/{name}" template="{name}")\n'
        for name in ("document", "id")
    )
    text, count = re.subn(r'action\(type="omelasticsearch".*?\)\n', to_files, text, flags=re.DOTALL)
    assert count == 1
    return text.replace(
        'name="id" type="list") {', 'name="id" type="list") { constant(value="\\n")'
    )


def shipped(folder: Path, spool: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Run a new rsyslog until it has shipped all lines; return their documents and ids."""
    spool.mkdir()
    documents, ids = folder / "document", folder / "id"
    for each in (documents, ids):
        each.unlink(missing_ok=True)
    (folder / "rsyslog.conf").write_text(configuration(folder, spool))
    program = asyncio.run(debian("rsyslog", "rsyslogd"))
    command = [str(program), "-n", "-f", str(folder / "rsyslog.conf"), "-i", "NONE"]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + SECONDS
            while not (ids.exists() and len(ids.read_text().split()) == LINES.count("\n")):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            process.terminate()
    found = [json.loads(each) for each in documents.read_text().splitlines()]
    return found, ids.read_text().split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one pod's file."""
    pod = tmp_path / "pods/platform_postgres-0_u/postgres"
    pod.mkdir(parents=True)
    (pod / "0.log").write_text(LINES)
    return tmp_path


def test_a_line_is_of_the_time_at_which_it_was_logged(folder: Path) -> None:
    documents, _ = shipped(folder, folder / "spool")
    assert [each["@timestamp"] for each in documents[:3]] == [
        "2026-11-28T10:00:00.123456789Z",
        "2026-11-28T17:00:01.5+07:00",
        "2026-11-28T10:00:02.5Z",
    ]
    assert [each["message"] for each in documents] == [
        "LOG:  checkpoint starting",
        '{"event": "order.placed"}',
        "LOG:  checkpoint starting",
        "torn",
    ]


def test_a_line_that_a_new_pod_of_rsyslog_reads_again_has_the_same_id(folder: Path) -> None:
    _, before = shipped(folder, folder / "before")
    _, after = shipped(folder, folder / "after")
    assert len(set(before)) == len(before)
    assert after == before
