"""The Tiltfile as Tilt itself reads it, without a cluster: what is built, synced and shown."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from shop_cluster.build import tool

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {
    yaml.safe_load(file.read_text())["metadata"]["name"]
    for file in (ROOT / "manifests" / "shop").glob("*.yaml")
}
CONTEXTS = ("minishop", "kind-minishop", "production")
Read = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Tilt's reading of the Tiltfile, with a kubeconfig whose clusters do not answer."""
    access = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": "https://127.0.0.1:1"}} for name in CONTEXTS
        ],
        "users": [{"name": "u", "user": {}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "u"}} for name in CONTEXTS
        ],
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(access))
    path = f"{tool('kustomize').parent}:/usr/bin:/bin"

    def result(*, context: str = "minishop", **more: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig), "PATH": path, **more}
        return subprocess.run(
            [tool("tilt"), "alpha", "tiltfile-result", f"--context={context}"],
            cwd=ROOT,
            env={**environment, "TILT_DISABLE_ANALYTICS": "1"},
            text=True,
            capture_output=True,
            check=False,
        )

    return result


def resources(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return {each["Name"]: each for each in json.loads(done.stdout)["Manifests"]}


@pytest.mark.parametrize("kustomization", ["manifests/shop", "kustomize/overlays/shop-kubernetes"])
def test_every_service_is_a_resource_with_an_image(read: Read, kustomization: str) -> None:
    stores = "statefulset.apps/postgres\ndeployment.apps/minishop-connect\n"
    found = resources(read(MINISHOP_SERVICES=kustomization, MINISHOP_STORES=stores))
    assert set(found) == SERVICES | {"postgres", "minishop-connect", "ready"}
    assert set(found["ready"]["ResourceDependencies"]) == SERVICES
    for name in SERVICES:
        [image] = found[name]["ImageTargets"]
        assert image["selector"] == f"minishop/{name}"
        assert found[name]["Labels"] == {"services": "services"}
        [applied] = yaml.safe_load_all(found[name]["DeployTarget"]["yaml"])
        assert applied["kind"] == "ShopService"
        assert applied["metadata"]["annotations"]["tilt.dev/down-policy"] == "keep"
    assert found["postgres"]["Labels"] == {"stores": "stores"}
    assert found["postgres"]["DeployTarget"]["deleteCmd"]["args"] == ["true"]


def test_what_is_watched_and_synced_is_there(read: Read) -> None:
    found = resources(read())
    for name in SERVICES:
        [image] = found[name]["ImageTargets"]
        update = image["LiveUpdateSpec"]
        assert {each["containerPath"]: each["localPath"] for each in update["syncs"]} == {
            f"/tmp/live/shop_{name}": f"services/{name}/src/shop_{name}",
            "/tmp/live/shop_shared": "services/shared/src/shop_shared",
        }
        watched = [*image["BuildDetails"]["Deps"], *update["stopPaths"]]
        watched += [each["localPath"] for each in update["syncs"]]
        assert [each for each in watched if not (ROOT / each).exists()] == []
        migrations = ROOT / f"services/{name}/src/shop_{name}/migrations"
        assert migrations.exists() == (str(migrations.relative_to(ROOT)) in update["stopPaths"])


def test_each_button_has_its_command(read: Read) -> None:
    objects = json.loads(read().stdout)["ObjectSet"]
    [buttons] = [found for kind, found in objects.items() if "uibuttons" in kind]
    [commands] = [found for kind, found in objects.items() if "cmds" in kind]
    assert set(buttons) == {f"test-{name}" for name in SERVICES} | {"place-order", "open-mailbox"}
    for name in buttons:
        assert commands[name]["spec"]["startOn"]["uiButtons"] == [name]
    for name in SERVICES:
        assert (ROOT / commands[f"test-{name}"]["spec"]["args"][-1]).is_dir()


def test_another_cluster_than_a_development_one_is_refused(read: Read) -> None:
    assert read(context="kind-minishop").returncode == 0
    refused = read(context="production")
    assert refused.returncode != 0
    assert "production might be production" in refused.stderr
