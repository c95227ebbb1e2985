"""A shop that is ready, and a copy of this checkout that tests may edit."""

import shutil
import subprocess
from pathlib import Path

import pytest
from shop_journey.kubectl import Kubectl
from shop_journey.place import ROOT

from ready_shop import ready_shop


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """kubectl of a cluster on which the shop is ready."""
    return ready_shop().kubectl


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as it is now, with an environment of its own: its programs build from it."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.split("\0"):
        if name and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    subprocess.run(["make", ".venv/ready"], cwd=folder, check=True)
    return folder
