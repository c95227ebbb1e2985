"""A registry on loopback with a small image that was released to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop_servers.instance import free_port

from release.small_image import released_to
from shop_cluster.release.publish import Released
from shop_cluster.release.registry import serving
from shop_cluster.release.signing import Signer, signer


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("registry") / "storage", port=free_port()) as host:
        yield host


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    """A key pair of the tests' own, not that of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield signer("", folder=tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="session")
def released(
    registry: str, keys: Signer, out: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Released]:
    folder = tmp_path_factory.mktemp("images")
    with released_to(registry, "release-trial", keys=keys, folder=folder, out=out) as found:
        yield found
