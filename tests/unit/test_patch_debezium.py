"""The patch of Debezium's timer: applied to the class that is known, and to no other."""

import runpy
import zipfile
from pathlib import Path
from typing import Any

import pytest

PATCH = Path(__file__).parents[2] / "images/kafka/patch_debezium.py"


@pytest.fixture
def module() -> dict[str, Any]:
    return runpy.run_path(str(PATCH))


def test_a_timer_that_nobody_looked_at_is_not_patched(
    module: dict[str, Any], tmp_path: Path
) -> None:
    jar = tmp_path / "debezium-core-9.9.9.jar"
    with zipfile.ZipFile(jar, "w") as new:
        new.writestr(module["TIMER"], b"\xca\xfe\xba\xbe" + module["MORE"])
    before = jar.read_bytes()
    with pytest.raises(ValueError, match="see whether it still spins"):
        module["patch"](jar)
    assert jar.read_bytes() == before


def test_another_library_in_its_place_is_told(module: dict[str, Any], tmp_path: Path) -> None:
    jar = tmp_path / "debezium-core-9.9.9.jar"
    with zipfile.ZipFile(jar, "w") as new:
        new.writestr("META-INF/MANIFEST.MF", "")
    with pytest.raises(KeyError, match=r"Threads\$2"):
        module["patch"](jar)
