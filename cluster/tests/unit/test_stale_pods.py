from typing import Any

import pytest

from shop_cluster.stale_pods import outdated

NOW = {"docker.io/minishop/order:0.1.0": {"sha256:new", "sha256:manifest"}}


def pod(image: str, identity: str, where: str = "containerStatuses") -> dict[str, Any]:
    return {"status": {where: [{"image": image, "imageID": identity}]}}


@pytest.mark.parametrize(
    ("found", "stale"),
    [
        (pod("docker.io/minishop/order:0.1.0", "sha256:old"), True),
        (pod("docker.io/minishop/order:0.1.0", "sha256:old", "initContainerStatuses"), True),
        (pod("docker.io/minishop/order:0.1.0", "sha256:new"), False),
        (pod("docker.io/minishop/order:0.1.0", "docker.io/import@sha256:manifest"), False),
        (pod("docker.io/minishop/order:0.1.0", "docker.io/import@sha256:older"), True),
        (pod("docker.io/minishop/order:0.1.0", ""), False),
        (pod("docker.io/library/nginx:1", "sha256:old"), False),
        (
            pod("docker.io/minishop/order:0.1.0", "sha256:old")
            | {"metadata": {"deletionTimestamp": "2026-01-31T12:00:00Z"}},
            False,
        ),
        ({}, False),
    ],
)
def test_only_pods_of_an_older_image_are_stale(found: dict[str, Any], *, stale: bool) -> None:
    assert bool(list(outdated([found], NOW))) is stale
