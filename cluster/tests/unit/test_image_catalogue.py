"""Images of one's own services."""

from pathlib import Path

import pytest

from shop_cluster.errors import ClusterError
from shop_cluster.image_catalogue import image_of_folder


def test_a_folder_is_an_image_of_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "reviews"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    image = image_of_folder(folder, version="2")
    assert image.tag == "docker.io/minishop/reviews:2"
    before = image.content()
    (folder / "service.py").write_text("")
    assert image_of_folder(folder, version="2").content() != before


def test_what_is_no_image_is_said(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no Dockerfile"):
        image_of_folder(tmp_path, version="1")
    folder = tmp_path / "My Service"
    folder.mkdir()
    (folder / "Dockerfile").touch()
    with pytest.raises(ClusterError, match="lower-case"):
        image_of_folder(folder, version="1")
