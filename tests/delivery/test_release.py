"""The release workflow's own scripts, run here as far as they need no registry and no GitHub."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_cluster.build import tool

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yaml").read_text())
DIGEST = "sha256:" + "0" * 64


def built() -> list[str]:
    names: list[str] = WORKFLOW["jobs"]["image"]["strategy"]["matrix"]["name"]
    return names


def script(job: str, step: str) -> str:
    [found] = [each["run"] for each in WORKFLOW["jobs"][job]["steps"] if each.get("name") == step]
    return str(found)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what the script reads, and kubectl by the program of tools/."""
    for name in ("crds", "kustomize", "manifests"):
        (tmp_path / name).symlink_to(ROOT / name)
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    # `kubectl kustomize FOLDER` is `kustomize build FOLDER`.
    kubectl.write_text(f'#!/bin/sh\nexec {tool("kustomize")} build "$2"\n')
    kubectl.chmod(0o755)
    return tmp_path


def manifests(checkout: Path, names: list[str]) -> subprocess.CompletedProcess[str]:
    for name in names:
        file = checkout / "images" / f"image-{name}" / f"{name}.image"
        file.parent.mkdir(parents=True)
        file.write_text(f"ghcr.io/example/minishop/{name}@{DIGEST}\n")
    text = script("release", "CRDs, and manifests that name images by digest")
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", text],
        cwd=checkout,
        env={"PATH": f"{checkout / 'bin'}:/usr/bin:/bin"},
        text=True,
        capture_output=True,
        check=False,
    )


def test_the_install_manifest_names_every_image_by_its_digest(checkout: Path) -> None:
    done = manifests(checkout, built())
    assert done.returncode == 0, done.stdout + done.stderr
    installed = read(checkout / "out" / "install.yaml")
    services = [each for each in installed if each["kind"] == "ShopService"]
    assert {each["spec"]["image"] for each in services} == {
        f"ghcr.io/example/minishop/{each['metadata']['name']}@{DIGEST}" for each in services
    }
    assert {each["metadata"]["name"] for each in services} | {"operator"} == set(built())
    assert [each["metadata"]["name"] for each in read(checkout / "out" / "crds.yaml")] == [
        "shopservices.minishop.dev"
    ]


def test_an_image_that_was_not_built_stops_the_release(checkout: Path) -> None:
    done = manifests(checkout, [name for name in built() if name != "payment"])
    assert done.returncode == 1
    assert "minishop/payment:" in done.stdout


def read(file: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(file.read_text()) if each]
