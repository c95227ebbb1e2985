"""What `make test` says at its end is what pytest reported, and which parts run beside which."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

import run_parts
from run_parts import Outcome, Part, Skipped, read_report, run, run_all, skips

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


UNSTEADY = """
from pathlib import Path
import pytest

HERE = Path(__file__).parent

@pytest.mark.parametrize("number", range({tests}))
def test_is_tried(number):
    before = HERE / f"tried-{{number}}"
    tried, _ = before.exists(), before.touch()
    assert tried and number not in {never}
"""


@pytest.mark.parametrize(
    ("tests", "never", "code", "counts"),
    [
        (2, set(), 0, {"failed": 0, "unsteady": 2}),
        (2, {1}, 1, {"failed": 1, "unsteady": 1}),
        (6, set(), 1, {"failed": 6}),
    ],
)
@pytest.mark.parametrize("shown", [True, False])
def test_a_few_that_fail_are_tried_once_more(  # noqa: PLR0913 - parameters and fixtures
    *,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    tests: int,
    never: set[int],
    code: int,
    counts: dict[str, int],
    shown: bool,
) -> None:
    (tmp_path / "test_some.py").write_text(UNSTEADY.format(tests=tests, never=never or "()"))
    (tmp_path / "test_other.py").write_text("def test_passes(): pass")
    part = Part("some", ("test_*.py",), ("-p", "no:xdist"), root=tmp_path)
    ended = run(part, ["-c", "/dev/null", "--rootdir", str(tmp_path)], shown=shown)
    assert ended.code == code
    assert counts.items() <= ended.counts.items()
    said = capfd.readouterr().out
    assert "FAILED" in said  # also of what passes in the end
    assert ("once more" in said) == (tests <= run_parts.FEW)


def test_where_no_test_failed_nothing_is_tried_once_more(tmp_path: Path) -> None:
    """Workers that collect different tests run none."""
    test = "@pytest.mark.parametrize('each', [str(uuid.uuid4())])\ndef test_one(each): pass"
    (tmp_path / "test_some.py").write_text(f"import pytest, uuid\n{test}")
    part = Part("some", ("test_*.py",), ("-n2",), root=tmp_path)
    assert run(part, ["-c", "/dev/null", "--rootdir", str(tmp_path)]).code != 0


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


def test_those_on_the_cluster_run_one_at_a_time_beside_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both, on_cluster = threading.Barrier(2), threading.Lock()

    def run(part: Part, more: list[str], *, shown: bool = True) -> Outcome:
        assert shown is not part.on_cluster
        if part.on_cluster:
            assert on_cluster.acquire(blocking=False)
        if part.name in {"cluster", "unit"}:
            both.wait(30)  # neither goes on before the other has begun
        if part.on_cluster:
            on_cluster.release()
        return Outcome(part.name, int(part.name == "e2e"), 1.0, {})

    monkeypatch.setattr(run_parts, "run", run)
    parts = [Part(name, (), on_cluster=name in {"cluster", "e2e"}) for name in
             ("unit", "cluster", "operator", "e2e")]  # fmt: skip
    ended = {each.name: each.code for each in run_all(parts, [])}
    assert ended == {"unit": 0, "operator": 0, "cluster": 0, "e2e": 1}
