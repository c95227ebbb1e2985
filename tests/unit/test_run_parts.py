"""What `make test` says at its end is what pytest reported."""

import subprocess
import sys
from pathlib import Path

from run_parts import Outcome, Skipped, read_report, skips

TESTS = """
import pytest

def test_passes(): pass
def test_fails(): assert False
def test_is_skipped(): pytest.skip("no Docker")
"""


def test_a_skip_is_read_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "test_three.py").write_text(TESTS)
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "-p", "no:cacheprovider"]
    subprocess.run([*command, f"--junitxml={report}", "test_three.py"], cwd=tmp_path, check=False)
    counts, skipped = read_report(report)
    assert counts == {"failed": 1, "passed": 1, "skipped": 1, "errors": 0}
    assert skipped == [Skipped("test_three.test_is_skipped", "no Docker")]


def test_skips_are_listed_by_reason() -> None:
    found = [Skipped("test_a", "no Docker"), Skipped("test_b", "not root")]
    outcomes = [
        Outcome("unit", 0, 1.0, {}, found),
        Outcome("cluster", 0, 1.0, {}, [Skipped("test_c", "no Docker")]),
    ]
    assert list(skips(outcomes)) == [
        "2 skipped: no Docker",
        "    unit: test_a",
        "    cluster: test_c",
        "1 skipped: not root",
        "    unit: test_b",
    ]
