"""Builds the repository's images and brings them into the cluster, those that changed."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from shop_cluster import packages
from shop_cluster.base_images import base_arguments
from shop_cluster.build import content_hash
from shop_cluster.builder import identity_of
from shop_cluster.errors import ClusterError
from shop_cluster.image_catalogue import Image, catalogue, files_below
from shop_cluster.image_import import has_image, import_image
from shop_cluster.paths import ClusterPaths, cache, checkout
from shop_cluster.progress import long_step, say
from shop_cluster.shell import run

PAUSE_IMAGE = "minishop.dev/pause:1"
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def selected(
    cluster: Literal["embedded", "docker"],
    names: frozenset[str] = frozenset(),
    *,
    platform: bool = False,
    layer: str = "",
) -> list[Image]:
    """Return a cluster's images: those of the names, the platform's, a layer's, or all of no layer.

    Raises:
        ClusterError: there is no such image.

    """
    images = [image for image in catalogue(checkout()) if image.only in (None, cluster)]
    if platform:
        names |= {image.name for image in images if image.platform}
    if layer:
        names |= {image.name for image in images if image.layer == layer}
    unknown = names - {image.name for image in images}
    if unknown:
        raise ClusterError(
            f"no image {', '.join(sorted(unknown))}: there are"
            f" {', '.join(sorted(image.name for image in images))}"
        )
    return [image for image in images if (image.name in names if names else not image.layer)]


def ensure(paths: ClusterPaths, image: Image) -> None:
    """Have the image, as its files are now, in the embedded cluster.

    Raises:
        ClusterError: a step of its Dockerfile failed.

    """
    bases = base_arguments(image.dockerfile)
    content = _content(image, bases)
    identity = _remembered(image.record, content)
    if identity is not None and has_image(paths, image.tag, identity):
        return
    identity = built_image(image)
    say(f"importing {image.name}")
    import_image(paths, image.tag, identity)


def built_image(image: Image) -> str:
    """Return buildah's id of an image, as its files are now. Raises as `ensure`."""
    bases = base_arguments(image.dockerfile)

    def build() -> str:
        if image.fetch is not None:
            fetch(image.fetch)
        return build_image(
            image.dockerfile,
            context=image.context,
            tag=image.tag,
            arguments={**image.arguments, **bases},
        )

    return built(image.record, content=_content(image, bases), build=build)


def built_before(image: Image) -> str | None:
    """Return buildah's id of an image when it was built of what its files are now, else None."""
    identity = _remembered(image.record, _content(image, base_arguments(image.dockerfile)))
    return identity and identity_of(identity)


def _content(image: Image, bases: Mapping[str, str]) -> str:
    return content_hash([], image.content(), *bases.values())


def ensure_pause(paths: ClusterPaths, binary: Path) -> None:
    """Have the image that holds pods' namespaces open."""
    identity = pause_image(binary)
    if not has_image(paths, PAUSE_IMAGE, identity):
        say("importing pause")
        import_image(paths, PAUSE_IMAGE, identity)


def pause_image(binary: Path) -> str:
    """Return buildah's id of the image that holds pods' namespaces open. Raises ClusterError."""
    dockerfile = binary.with_name("Dockerfile")
    dockerfile.write_text('FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n')
    return built(
        "pause",
        content=content_hash([binary, dockerfile]),
        build=lambda: build_image(dockerfile, context=binary.parent, tag=PAUSE_IMAGE),
    )


def built(name: str, *, content: str, build: Callable[[], str]) -> str:
    """Return the id of what was built of this content; build it when it never was or is gone."""
    identity = _remembered(name, content)
    if identity is None or identity_of(identity) is None:
        with long_step(f"building {name}"):
            identity = build()
        _remember(name, content, identity)
    return identity


def build_image(
    dockerfile: Path, *, context: Path, tag: str, arguments: Mapping[str, str] | None = None
) -> str:
    """Build a Dockerfile with buildah and return the image's id. Raises ClusterError."""
    words = [f"--build-arg={name}={value}" for name, value in (arguments or {}).items()]
    if _AUTHORITIES.exists():
        # Where a company's proxy signs what is fetched, only this machine knows its authority.
        words.append(f"--volume={_AUTHORITIES}:{_AUTHORITIES}:ro")
    ignored = dockerfile.with_name("Dockerfile.dockerignore")
    if ignored.exists():
        words.append(f"--ignorefile={ignored}")
    # Without --force-rm a stage that is only copied from leaves its container, mounted.
    told = run(
        "buildah", "build", "--isolation=chroot", "--layers", "--force-rm", "--quiet",
        "--pull-never", f"--tag={tag}", f"--file={dockerfile}", *words, str(context),
    )  # fmt: skip
    return told.strip().splitlines()[-1]


def fetch(script: Path) -> None:
    """Bring what an image is made of, once a script and its inputs, into `fetched/` beside it."""
    inputs = [file for file in files_below(script.parent) if not file.name.startswith("Dockerfile")]
    kept = cache() / "fetched" / f"{script.parent.name}-{content_hash(inputs)}"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        if (script.parent / "package.json").exists() and shutil.which("npm") is None:
            packages.install(["npm"])
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            partial = Path(folder) / "fetched"
            run(str(script), str(partial))
            partial.rename(kept)
    target = script.parent / "fetched"
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.exists():
        shutil.rmtree(target)
    shutil.copytree(kept, target, copy_function=_link)


def _link(source: str, target: str) -> None:
    """Link a file, or copy it where the checkout is on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _record(name: str) -> Path:
    return cache() / "images" / f"{name}.json"


def _remembered(name: str, content: str) -> str | None:
    """Return the id of what was built of this content."""
    file = _record(name)
    if not file.exists():
        return None
    kept: dict[str, str] = json.loads(file.read_text())
    return kept.get(content)


def _remember(name: str, content: str, identity: str) -> None:
    file = _record(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({content: identity}))
