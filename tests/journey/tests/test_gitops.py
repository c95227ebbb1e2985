"""What the layer `gitops` applies, by the cluster that it comes onto."""

from pathlib import Path

import pytest
from shop_journey import gitops

from shop_cluster.kind import has_own_images


@pytest.mark.parametrize(
    ("cluster", "docker", "wanted"),
    [
        ("embedded", "exit 1", "embedded-gitops"),
        ("kind", "exit 0", "kind-gitops"),
        ("kind", "exit 1", "embedded-gitops"),  # in podman, which pulls no images
        ("current", "exit 1", "kind-gitops"),
    ],
)
def test_flux_is_of_our_image_where_no_registry_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cluster: str, docker: str, wanted: str
) -> None:
    (tmp_path / "docker").write_text(f"#!/bin/sh\n{docker}\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setenv("CLUSTER", cluster)
    monkeypatch.setenv("MINISHOP_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SECRETS", "vault")
    own_images = has_own_images()
    assert gitops.overlay(own_images=own_images).name == wanted
    monkeypatch.setenv("SECRETS", "kubernetes")
    without_vault = gitops.overlay(own_images=own_images)
    assert without_vault.name == f"{wanted}-kubernetes"
    assert (without_vault / "kustomization.yaml").exists()
