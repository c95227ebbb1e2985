"""Building an image leaves the image, and nothing that was mounted for it."""

import secrets
from pathlib import Path

import pytest

from shop_cluster import packages
from shop_cluster.images import build_image
from shop_cluster.shell import run


@pytest.mark.usefixtures("borrowed")
def test_no_container_is_left(tmp_path: Path) -> None:
    packages.install_missing()
    (tmp_path / "tool").write_text("1")
    tool, made = (f"localhost/test-{secrets.token_hex(4)}:1" for _ in range(2))
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("FROM scratch\nCOPY tool /tool\n")
    second.write_text(f"FROM {tool} AS tool\nFROM {tool}\nCOPY --from=tool /tool /other\n")
    build_image(first, context=tmp_path, tag=tool)
    build_image(second, context=tmp_path, tag=made)
    try:
        left = run("buildah", "containers", "--format", "{{.ImageName}}").split()
        assert tool not in left
    finally:
        run("buildah", "rmi", "--force", made, tool)
