"""The reloader with a service of two files: served, served anew, broken, mended, ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop_shared.devtools import reloader

MAIN = """
import decimal
import signal
import sys
from shop_trial.word import WORD

def run():
    print(WORD, *sys.argv, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.pause()
"""
PROGRAM = """
import runpy, sys
from pathlib import Path
program, installed, live = sys.argv[1:]
runpy.run_path(program)["main"](["serve"], installed=Path(installed), live=Path(live))
"""
SECONDS = 60


class Served:
    """A reloader that runs, with a copy of the service at `live`."""

    def __init__(self, folder: Path) -> None:
        self.live = folder / "live"
        self._log = folder / "log"
        installed = folder / "own"
        for name in ("shop_trial", "shop_shared"):
            (installed / name).mkdir(parents=True)
            (installed / name / "__init__.py").touch()
        (installed / "shop_trial" / "main.py").write_text(MAIN)
        (installed / "shop_trial" / "word.py").write_text("WORD = 'one'\n")
        information = installed / "minishop_trial-0.1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Name: minishop-trial\nVersion: 0.1.0\n")
        (information / "entry_points.txt").write_text(
            "[console_scripts]\nshop-trial = shop_trial.main:run\n"
        )
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, reloader.__file__, str(installed), str(self.live)],
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )

    def save(self, word: str) -> None:
        """Save the file, as `tilt` does: the file, then the signal."""
        (self.live / "shop_trial" / "word.py").write_text(word)
        self.process.send_signal(signal.SIGHUP)

    def wait_for(self, text: str, *, times: int = 1) -> None:
        deadline = time.monotonic() + SECONDS
        while self._log.read_text().count(text) < times:
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    found = Served(tmp_path)
    yield found
    # As Kubernetes ends it: killed, it would leave the process that serves behind.
    found.process.terminate()
    found.process.wait(SECONDS)


def test_a_saved_file_is_served_without_loading_the_libraries_again(served: Served) -> None:
    served.wait_for("one service serve\n")
    served.wait_for("the next change is served without loading the libraries")
    assert "decimal" in (served.live.with_name("live.modules")).read_text().split()
    served.save("import sys\nWORD = f'two {\"shop_trial.main\" in sys.modules}'\n")
    # The service's own modules are new ones: its main module is just being loaded.
    served.wait_for("two True service serve\n")
    served.process.terminate()
    assert served.process.wait(SECONDS) == 0


def test_a_file_that_does_not_load_is_told_and_the_next_one_served(served: Served) -> None:
    served.wait_for("one service serve\n")
    served.save("WORD = \n")
    served.wait_for("SyntaxError")
    served.wait_for("the service ended (1)")
    served.save("WORD = 'mended'\n")
    served.wait_for("mended service serve\n")


def test_a_service_that_ends_by_itself_is_started_again(served: Served) -> None:
    served.wait_for("one service serve\n")
    served.wait_for("the next change")
    served.save("raise SystemExit(3)\n")
    served.wait_for("the service ended (3)", times=2)


def test_a_container_that_starts_again_has_the_files_that_were_saved(tmp_path: Path) -> None:
    (tmp_path / "own" / "shop_trial").mkdir(parents=True)
    (tmp_path / "own" / "shop_trial" / "main.py").write_text("installed")
    (tmp_path / "live" / "shop_trial").mkdir(parents=True)
    (tmp_path / "live" / "shop_trial" / "main.py").write_text("saved")
    reloader._copy(tmp_path / "own", tmp_path / "live", {"shop_trial"})
    assert (tmp_path / "live" / "shop_trial" / "main.py").read_text() == "saved"
