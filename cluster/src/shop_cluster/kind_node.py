"""The image of kind's node where none can be pulled: Debian, containerd, the project's Kubernetes.

Its files are in `cluster/kind-node`. kind asks of it what it asks of its own images: kubeadm, the
manifests below `/kind`, and the images that kubeadm starts.
"""

import shutil
import tempfile
from pathlib import Path

from shop_cluster import image_archive
from shop_cluster.base_images import base_arguments
from shop_cluster.build import KUBERNETES_VERSION, content_hash, kubeadm, pause, shopkube
from shop_cluster.image_archive import Named
from shop_cluster.images import PAUSE_IMAGE, build_image, built, pause_image
from shop_cluster.paths import checkout
from shop_cluster.shell import run

_KUBERNETES_IMAGE = "minishop.dev/kubernetes:1"
"""What the node's own manifests call the image with every program of Kubernetes."""


def node_image() -> str:
    """Return the name of the node's image, building it when this content never was.

    Raises:
        ClusterError: a program or a step of a Dockerfile failed.

    """
    source = checkout() / "cluster" / "kind-node"
    dockerfile = source / "Dockerfile"
    bases = base_arguments(dockerfile)
    binaries = (shopkube(), kubeadm(), pause())
    files = [file for file in source.rglob("*") if file.is_file()]
    # Built programs lie in folders that are named for their content.
    salt = (*bases.values(), *(each.parent.name for each in binaries))
    content = content_hash(files, *salt, root=source)
    tag = f"localhost/minishop-kind-node:{content}"

    def build() -> str:
        with tempfile.TemporaryDirectory() as folder:
            context = Path(folder) / "context"
            shutil.copytree(source, context)
            (context / "bin").mkdir()
            for program in (shopkube(), kubeadm()):
                shutil.copy2(program, context / "bin")
            (context / "images").mkdir()
            _write_images(context, bases)
            return build_image(
                context / "Dockerfile",
                context=context,
                tag=tag,
                arguments={**bases, "KUBERNETES": KUBERNETES_VERSION},
            )

    built("kind-node", content=content, build=build)
    return tag


def _write_images(context: Path, bases: dict[str, str]) -> None:
    """Write to the node's build what kubeadm starts, by the names that it asks for."""
    kubernetes = build_image(
        context / "Dockerfile.kubernetes", context=context, tag=_KUBERNETES_IMAGE, arguments=bases
    )
    sandbox = pause_image(pause())
    names = run(
        str(kubeadm()), "config", "images", "list", f"--kubernetes-version={KUBERNETES_VERSION}"
    ).split()
    images = [Named(identity=kubernetes, tag=_KUBERNETES_IMAGE)]
    images += [Named(identity=sandbox, tag=PAUSE_IMAGE)]
    images += [
        Named(identity=sandbox if "/pause:" in name else kubernetes, tag=name) for name in names
    ]
    for identity in (kubernetes, sandbox):
        image_archive.export(identity)
    with (context / "images" / "kubernetes.tar").open("wb") as file:
        image_archive.write(file, images)
