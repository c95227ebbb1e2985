"""What the release workflow and `make release` write for whoever installs, without a registry."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_cluster.build import tool
from shop_cluster.release.publish import NAMES

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yaml").read_text())
DIGEST = "sha256:" + "0" * 64


def built() -> list[str]:
    names: list[str] = WORKFLOW["jobs"]["image"]["strategy"]["matrix"]["name"]
    return names


@pytest.fixture
def kubectl(tmp_path: Path) -> Path:
    """A folder with a kubectl, by the program of tools/."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    # `kubectl kustomize FOLDER` is `kustomize build FOLDER`.
    program.write_text(f'#!/bin/sh\nexec {tool("kustomize")} build "$2"\n')
    program.chmod(0o755)
    return program.parent


def manifests(kubectl: Path, names: list[str]) -> subprocess.CompletedProcess[str]:
    images = kubectl.parent / "images"
    for name in names:
        file = images / f"image-{name}" / f"{name}.image"
        file.parent.mkdir(parents=True)
        file.write_text(f"ghcr.io/example/minishop/{name}@{DIGEST}\n")
    return subprocess.run(
        [ROOT / ".ci" / "release-manifests", images, kubectl.parent / "out"],
        env={"PATH": f"{kubectl}:/usr/bin:/bin"},
        text=True,
        capture_output=True,
        check=False,
    )


def test_the_install_manifest_names_every_image_by_its_digest(kubectl: Path) -> None:
    done = manifests(kubectl, built())
    assert done.returncode == 0, done.stdout + done.stderr
    out = kubectl.parent / "out"
    installed = read(out / "install.yaml")
    services = [each for each in installed if each["kind"] == "ShopService"]
    assert {each["spec"]["image"] for each in services} == {
        f"ghcr.io/example/minishop/{each['metadata']['name']}@{DIGEST}" for each in services
    }
    assert {each["metadata"]["name"] for each in services} | {"operator"} == set(built())
    assert [each["metadata"]["name"] for each in read(out / "crds.yaml")] == [
        "shopservices.minishop.dev"
    ]


def test_an_image_that_was_not_built_stops_the_release(kubectl: Path) -> None:
    done = manifests(kubectl, [name for name in built() if name != "payment"])
    assert done.returncode == 1
    assert "minishop/payment:" in done.stdout


def test_a_release_made_here_has_the_images_of_the_workflow() -> None:
    assert set(built()) == NAMES
    steps = WORKFLOW["jobs"]["release"]["steps"]
    assert ".ci/release-manifests images out" in {each.get("run") for each in steps}


def read(file: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(file.read_text()) if each]
