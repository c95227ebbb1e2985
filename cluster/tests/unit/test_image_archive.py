"""Archives of images: what containerd is told, and what is left out because it has it."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from shop_cluster import image_archive
from shop_cluster.image_archive import Named


class Layout:
    """An OCI image layout in the cache, as buildah writes it."""

    def __init__(self, cache: Path) -> None:
        self.folder = cache / "minishop" / "image-layers"
        self.manifests: list[dict[str, object]] = []

    def blob(self, content: bytes) -> str:
        name = hashlib.sha256(content).hexdigest()
        file = self.folder / "blobs" / "sha256" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return f"sha256:{name}"

    def image(self, identity: str, *layers: bytes) -> str:
        """Put an image there and return its manifest's digest."""
        manifest = {
            "config": {"digest": self.blob(identity.encode())},
            "layers": [{"digest": self.blob(each)} for each in layers],
        }
        digest = self.blob(json.dumps(manifest).encode())
        name = {"org.opencontainers.image.ref.name": identity}
        self.manifests.append({"digest": digest, "annotations": name})
        (self.folder / "index.json").write_text(json.dumps({"manifests": self.manifests}))
        (self.folder / "oci-layout").write_text("{}")
        return digest


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Layout(tmp_path)


def written(images: list[Named], present: set[str]) -> tarfile.TarFile:
    file = io.BytesIO()
    image_archive.write(file, images, present=present)
    file.seek(0)
    return tarfile.open(fileobj=file)


def test_an_image_has_its_names_and_a_layer_is_there_once(layout: Layout) -> None:
    first, second = layout.image("one", b"base", b"top"), layout.image("two", b"base")
    images = [Named(identity="one", tag="a:1"), Named(identity="one", tag="b:1")]
    archive = written([*images, Named(identity="two", tag="c:1")], set())
    names = archive.getnames()
    assert (
        len(names) == len(set(names)) == 2 + 2 + 2 + 2
    )  # index, layout; manifests; configs; layers
    index = archive.extractfile("index.json")
    assert index is not None
    assert [
        (each["digest"], each["annotations"]["io.containerd.image.name"])
        for each in json.load(index)["manifests"]
    ] == [(first, "a:1"), (first, "b:1"), (second, "c:1")]


def test_what_is_present_is_not_sent(layout: Layout) -> None:
    layout.image("one", b"base", b"top")
    base = layout.blob(b"base")
    names = written([Named(identity="one", tag="a:1")], {base}).getnames()
    assert f"blobs/{base.replace(':', '/')}" not in names
    assert f"blobs/{layout.blob(b'top').replace(':', '/')}" in names


def test_what_was_exported_is_not_again_unless_a_layer_is_gone(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.image("one", b"base")
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(image_archive, "run", lambda *command: asked.append(command))
    image_archive.export("one")
    assert not asked
    image_archive.export("two")
    assert [command[-1].rpartition(":")[2] for command in asked] == ["two"]
    (layout.folder / "blobs" / layout.blob(b"base").replace(":", "/")).unlink()
    image_archive.export("one")
    assert [command[-1].rpartition(":")[2] for command in asked] == ["two", "one"]
