"""Moves an image from buildah into the cluster's containerd, layer by layer.

Layers that containerd has are not sent again, so a service whose source changed costs the few
kilobytes of its own layer.
"""

import io
import json
import subprocess
import tarfile
from pathlib import Path

from shop_cluster.errors import ClusterError
from shop_cluster.paths import ClusterPaths, cache
from shop_cluster.shell import run

_LABEL = "minishop.dev/id"
_IMAGE_NAME = "io.containerd.image.name"


def has_image(paths: ClusterPaths, tag: str, identity: str) -> bool:
    """Tell whether the cluster has exactly this image under this name."""
    return bool(
        run(*_ctr(paths), "images", "list", "--quiet", f'name=={tag},labels."{_LABEL}"=={identity}')
    )


def import_image(paths: ClusterPaths, tag: str, identity: str) -> None:
    """Bring an image of buildah's into the cluster.

    Raises:
        ClusterError: containerd refused it.

    """
    layout = cache() / "image-layers"
    layout.mkdir(parents=True, exist_ok=True)
    # Uncompressed, a layer's name is the hash that buildah knows it by: what lies here already
    # is not written again.
    run(
        "buildah", "push", "--quiet", "--disable-compression", "--format=oci",
        identity, f"oci:{layout}:{identity}",
    )  # fmt: skip
    _send(paths, layout, tag, identity)
    run(*_ctr(paths), "images", "label", tag, f"{_LABEL}={identity}")


def _send(paths: ClusterPaths, layout: Path, tag: str, identity: str) -> None:
    index = json.loads((layout / "index.json").read_text())
    described = next(
        each
        for each in index["manifests"]
        if each["annotations"]["org.opencontainers.image.ref.name"] == identity
    )
    described["annotations"] = {_IMAGE_NAME: tag}
    manifest = json.loads(_blob(layout, described["digest"]).read_text())
    present = set(run(*_ctr(paths), "content", "list", "--quiet").split())
    wanted = [described["digest"], manifest["config"]["digest"]]
    wanted += [each["digest"] for each in manifest["layers"]]
    command = [*_ctr(paths), "images", "import", "-"]
    with subprocess.Popen(  # noqa: S603 - our own words
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as importing:
        if importing.stdin is None or importing.stderr is None:
            raise AssertionError("both were asked for")
        with tarfile.open(fileobj=importing.stdin, mode="w|") as archive:
            _add(archive, "oci-layout", (layout / "oci-layout").read_bytes())
            _add(
                archive,
                "index.json",
                json.dumps({"schemaVersion": 2, "manifests": [described]}).encode(),
            )
            for digest in wanted:
                if digest not in present:
                    path = _blob(layout, digest)
                    archive.add(path, arcname=str(path.relative_to(layout)))
        importing.stdin.close()
        said = importing.stderr.read().decode().strip()
    if importing.returncode:
        raise ClusterError(f"importing {tag} failed: {said}")


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _ctr(paths: ClusterPaths) -> tuple[str, ...]:
    return ("ctr", "--address", str(paths.containerd_socket), "--namespace", "k8s.io")
