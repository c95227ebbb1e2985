"""A small image, released; and the same image changed."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from shop_cluster.build import pause
from shop_cluster.image_catalogue import image_of_folder
from shop_cluster.release.publish import Released, publish
from shop_cluster.release.signing import Signer

VERSION = "1.2.3-test"


@contextmanager
def released_to(
    registry: str, name: str, *, keys: Signer, folder: Path, out: Path
) -> Iterator[Released]:
    """Release the image to a registry; its names in buildah's storage go when the block ends."""
    image = image_of_folder(small(folder / name), version=VERSION)
    yield publish(image, version=VERSION, registry=registry, signer=keys, out=out)
    for tag in (image.tag, f"localhost/minishop-release/{image.name}:{VERSION}"):
        buildah("rmi", "--force", tag)


def small(folder: Path) -> Path:
    """An image's folder: one Go program, in which syft finds what it was built from."""
    folder.mkdir()
    (folder / "pause").write_bytes(pause().read_bytes())
    (folder / "Dockerfile").write_text('FROM scratch\nCOPY pause /\nENTRYPOINT ["/pause"]\n')
    return folder


def changed(reference: str) -> str:
    """The same image with one label more, pushed beside it: another digest, and no signature."""
    host, _, rest = reference.partition("/")
    name = rest.partition("@")[0]
    with ExitStack() as stack:
        container = buildah("from", "--pull-never", f"localhost/minishop-release/{short(name)}")
        stack.callback(buildah, "rm", container)
        buildah("config", "--label=changed=yes", container)
        target = f"docker://{host}/{name}:changed"
        image = buildah("commit", "--quiet", container)
        stack.callback(buildah, "rmi", image)
        buildah("push", "--quiet", "--tls-verify=false", "--format=oci", image, target)
    kind = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    asked = httpx.head(f"http://{host}/v2/{name}/manifests/changed", headers=kind)
    return f"{host}/{name}@{asked.raise_for_status().headers['docker-content-digest']}"


def short(name: str) -> str:
    return f"{name.rpartition('/')[2]}:{VERSION}"


def buildah(*words: str) -> str:
    done = subprocess.run(["buildah", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()
