"""Runs the parts of the test suite, each in a pytest of its own, and says what ran and how long.

`python tests/run_parts.py unit operator` runs those; without a name, lint and the core's parts;
with `--all` the layers' too, but for those that run only when they are named. Those on the cluster
run one after another, and beside them, likewise, those on servers of their own.
A test is skipped only for what this machine cannot do: each is listed with its reason at the end.
One that fails and passes when it is run once more is counted as unsteady: look for the reason.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTCOMES = ("failed", "passed", "skipped", "errors", "unsteady")
TESTS_FAILED, NO_TESTS = 1, 5  # pytest's exit statuses
FEW = 5
"""So many tests of a part may fail that they are tried once more: more have a common reason."""


@dataclass(frozen=True)
class Part:
    """A part: where its tests are (globs from `root`), and pytest's options for it."""

    name: str
    places: tuple[str, ...]
    options: tuple[str, ...] = ()
    root: Path = ROOT
    on_cluster: bool = False
    """Whether it uses the embedded cluster, which one part at a time may."""
    layer: bool = False
    """Whether it belongs to a layer: `make test-all` runs it, `make test` does not."""
    when_named: bool = False
    """Whether it runs only when it is asked for by its name: its builds or its waits are long."""


# Two workers for two cores, where the tests don't share one thing that is not theirs; more where
# they mostly wait, for servers that come back and for partitions that move.
_PARALLEL = ("-n2", "--dist=loadfile")
_WAITING = ("-n4", "--dist=loadfile")
PARTS = (
    Part(
        "unit",
        ("cluster/tests/unit", "services/*/tests/unit", "tests/unit", "tests/journey/tests"),
        _PARALLEL,
    ),
    Part(
        "integration",
        ("services/*/tests/integration", "tests/servers/tests", "tests/events"),
        _WAITING,
    ),
    # Before the shop comes: it kills and rebuilds the cluster, or only kills in one that runs.
    Part("cluster", ("cluster/tests/integration",), on_cluster=True),
    Part("contract", ("tests/contract",), _PARALLEL),
    # From its own folder: seen from the root, it would hide the standard library's `operator`.
    # Each worker has an API server of its own, and waits for it half of the time.
    Part("operator", ("tests",), ("-n3", "--dist=loadfile"), root=ROOT / "operator"),
    Part("delivery", ("tests/delivery",), layer=True),
    Part("terraform", ("tests/terraform/test_*.py",), layer=True),
    Part("observability", ("observability/tests/test_*.py",), layer=True),
    Part("edge", ("edge/tests/test_*.py",), layer=True),
    # A cluster of its own.
    Part("kind", ("tests/kind",), layer=True),
    # First those that wait most, while those on servers of their own have the cores.
    Part("observability-cluster", ("observability/tests/cluster",), on_cluster=True, layer=True),
    Part("gitops", ("tests/gitops",), on_cluster=True, layer=True),
    Part("edge-cluster", ("edge/tests/cluster",), on_cluster=True, layer=True),
    Part("tilt", ("tests/tilt",), on_cluster=True, layer=True),
    Part("e2e", ("tests/e2e",), on_cluster=True),
    Part("terraform-cluster", ("tests/terraform/cluster",), on_cluster=True, when_named=True),
    Part("release", ("tests/release",), when_named=True),
    Part("production", ("tests/production",), on_cluster=True, when_named=True),
)


@dataclass(frozen=True)
class Skipped:
    """A test that was skipped, and why."""

    test: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """How a part, or lint, ended: counts by outcome, seconds, and what was skipped."""

    name: str
    code: int
    seconds: float
    counts: dict[str, int]
    skipped: Sequence[Skipped] = ()

    def line(self) -> str:
        """Return the outcome as a row of the table."""
        said = ", ".join(f"{n} {kind}" for kind, n in self.counts.items() if n) or "-"
        ended = "FAILED" if self.code else "ok"
        return f"{self.name:<21} {ended:<7} {self.seconds:7.1f} s  {said}"


def lint() -> Outcome:
    """Check style, types and import directions."""
    began = time.monotonic()
    code = subprocess.run([str(ROOT / "lint")], cwd=ROOT, check=False).returncode
    return Outcome("lint", code, time.monotonic() - began, {})


def run(part: Part, more: list[str], *, shown: bool = True) -> Outcome:
    """Run a part with further pytest arguments; its output is shown at once, or at its end.

    Where only a few fail they run once more, alone, when nothing of the part's is beside them: what
    passes then is told as unsteady, and what it said when it failed stands in the output.
    """
    places = sorted(
        str(place.relative_to(part.root))
        for pattern in part.places
        for place in part.root.glob(pattern)
    )
    if not places:  # pytest would take the whole tree
        raise FileNotFoundError(f"{part.name}: nothing at {part.places}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}"]
        command += ["-o", f"cache_dir={folder}/cache", *more, *places]
        heading = f"\n{part.name}: {' '.join(places)}"
        print(heading if shown else f"\n{part.name}: beside others, shown when it has ended")
        code, said = _call([*command, *part.options], part.root, shown=shown)
        code = 0 if code == NO_TESTS else code
        counts, skipped = read_report(report) if report.exists() else ({}, [])
        failed = counts.get("failed", 0) + counts.get("errors", 0)
        if code == TESTS_FAILED and failed <= FEW and are_collected(report):
            again = "what failed, once more by itself:"
            if shown:
                print(again)
            code, repeated = _call([*command, "--last-failed"], part.root, shown=shown)
            said += f"{again}\n{repeated}"
            left, _ = read_report(report)
            still = {kind: left[kind] for kind in ("failed", "errors")}
            counts |= still | {"unsteady": failed - sum(still.values())}
        if not shown:
            print(heading, said, sep="\n", flush=True)
    return Outcome(part.name, code, time.monotonic() - began, counts, skipped)


def _call(command: list[str], root: Path, *, shown: bool) -> tuple[int, str]:
    """Return pytest's exit status, and what it said where that is not shown at once."""
    sys.stdout.flush()
    ended = subprocess.run(
        command,
        cwd=root,
        check=False,
        text=True,
        stdout=None if shown else subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return ended.returncode, ended.stdout or ""


def run_all(parts: Sequence[Part], more: list[str], *, linted: bool = False) -> list[Outcome]:
    """Run the parts on the cluster one after another and, beside them, lint and all others."""
    on_cluster = [part for part in parts if part.on_cluster]
    others = [part for part in parts if not part.on_cluster]
    shown = not others and not linted
    with ThreadPoolExecutor(max_workers=1) as pool:
        beside = pool.map(partial(run, more=more, shown=shown), on_cluster)
        outcomes = [lint()] if linted else []
        outcomes += [run(part, more) for part in others]
        return [*outcomes, *beside]


def read_report(report: Path) -> tuple[dict[str, int], list[Skipped]]:
    """Return from pytest's JUnit XML how many tests ended how, and those that were skipped."""
    suite = ET.parse(report).getroot().find("testsuite")
    assert suite is not None
    given = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
    failed, errors, skipped = given["failures"], given["errors"], given["skipped"]
    passed = given["tests"] - failed - errors - skipped
    counts = {"failed": failed, "passed": passed, "skipped": skipped, "errors": errors}
    return counts, [
        Skipped(f"{case.get('classname')}.{case.get('name')}", found.get("message", "no reason"))
        for case in suite.iter("testcase")
        if (found := case.find("skipped")) is not None
    ]


def are_collected(report: Path) -> bool:
    """Return False where files of a part were not collected, or by its workers not alike."""
    errors = ET.parse(report).iter("error")
    return all(error.get("message") != "collection failure" for error in errors)


def skips(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield a line for each skipped test, below a line with the reason that they have in common."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        for found in outcome.skipped:
            by_reason[found.reason].append(f"{outcome.name}: {found.test}")
    for reason, tests in by_reason.items():
        yield f"{len(tests)} skipped: {reason}"
        yield from (f"    {test}" for test in tests)


def main() -> int:
    """Run what is asked for; return 1 when anything failed."""
    names = [part.name for part in PARTS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", help=f"lint, {', '.join(names)}; none: the core")
    parser.add_argument("--all", action="store_true", help="without a name, the layers' parts too")
    parser.add_argument("--pytest", default="", help="further arguments for pytest, in one word")
    asked = parser.parse_args()
    if unknown := set(asked.part) - {"lint", *names}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    usual = [part.name for part in PARTS if not part.when_named and (asked.all or not part.layer)]
    wanted = asked.part or ["lint", *usual]
    began = time.monotonic()
    parts = [part for part in PARTS if part.name in wanted]
    outcomes = run_all(parts, asked.pytest.split(), linted="lint" in wanted)
    print()
    for outcome in outcomes:
        print(outcome.line())
    print(*skips(outcomes), sep="\n")
    total = {key: sum(o.counts.get(key, 0) for o in outcomes) for key in OUTCOMES}
    said = ", ".join(f"{n} {kind}" for kind, n in total.items() if n) or "no tests ran"
    print(f"{f' {said} in {time.monotonic() - began:.2f}s ':=^80}")
    return int(any(outcome.code for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
