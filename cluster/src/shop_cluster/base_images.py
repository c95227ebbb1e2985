"""The images that every other is built on, where no registry can be asked for them.

A Dockerfile names its base by `ARG BASE=python:3.13-slim` (or debian:trixie-slim) and uv by
`ARG UV=…`; with Docker those are pulled, here an equal is made from Debian's packages.
"""

import hashlib
import re
import shutil
import tempfile
from pathlib import Path

from shop_cluster.apt_sources import sources_of
from shop_cluster.build import content_hash
from shop_cluster.builder import identity_of
from shop_cluster.errors import ClusterError
from shop_cluster.paths import cache
from shop_cluster.progress import long_step
from shop_cluster.shell import run

_SUITE = "trixie"
_BARE = ("doc", "man", "info", "locale")
_LEAN_APT = (
    'APT::Keep-Downloaded-Packages "false"; Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";'
)
_OPTIONS = (
    "--quiet",
    "--variant=minbase",
    "--include=ca-certificates",
    '--aptopt=APT::Install-Recommends "false"',
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in _BARE),
    # As in upstream's slim images: what apt fetched is not left in a layer.
    f"--customize-hook=echo '{_LEAN_APT}' > \"$1\"/etc/apt/apt.conf.d/99lean",
    '--customize-hook=rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/*',
)
_PYTHON = """\
RUN apt-get update -qq \\
    && apt-get install -qq --no-install-recommends python3 python-is-python3 \\
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
"""


def base_arguments(dockerfile: Path) -> dict[str, str]:
    """Return the build arguments that replace what a Dockerfile would pull.

    Raises:
        ClusterError: it asks for a base that cannot be made here.

    """
    declared = dict(re.findall(r"^ARG (BASE|UV)=(\S+)$", dockerfile.read_text(), re.MULTILINE))
    arguments = {}
    if "BASE" in declared:
        asked = declared["BASE"]
        make = next((make for kind, make in _MAKERS.items() if asked.startswith(kind)), None)
        if make is None:
            raise ClusterError(
                f"{dockerfile}: no base like {asked} can be made here, only debian:{_SUITE}-slim"
                " and python:…-slim (which is Debian's own Python, 3.13)"
            )
        arguments["BASE"] = make()
    if "UV" in declared:
        arguments["UV"] = _uv()
    return arguments


def debian_base() -> str:
    """Return Debian 13 (trixie) at its smallest, made once a recipe."""
    sources = sources_of(_SUITE)
    tag = _tag("debian", sources, *_OPTIONS)
    if identity_of(tag) is None:
        with long_step("making the Debian base image"), tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root.tar"
            run("mmdebstrap", *_OPTIONS, _SUITE, str(root), "-", stdin=sources)
            lines = (
                "FROM scratch",
                "ADD root.tar /",
                "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            _build(Path(folder), tag, "\n".join(lines))
    return tag


def python_base() -> str:
    """Return Debian with its own Python."""
    base = debian_base()
    recipe = f"FROM {base}\n{_PYTHON}"
    tag = _tag("python", recipe)
    if identity_of(tag) is None:
        with long_step("making the Python base image"), tempfile.TemporaryDirectory() as folder:
            _build(Path(folder), tag, recipe)
    return tag


def _uv() -> str:
    """Return an image with the uv of this machine at /uv."""
    binary = Path(shutil.which("uv") or cache() / "uv" / "bin" / "uv")
    tag = _tag("uv", content_hash([binary]))
    if identity_of(tag) is None:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy2(binary, Path(folder) / "uv")
            _build(Path(folder), tag, "FROM scratch\nCOPY uv /uv")
    return tag


_MAKERS = {f"debian:{_SUITE}": debian_base, "python:": python_base}


def _tag(kind: str, *recipe: str) -> str:
    content = hashlib.sha256("\0".join(recipe).encode()).hexdigest()[:16]
    return f"localhost/minishop-{kind}:{content}"


def _build(context: Path, tag: str, dockerfile: str) -> None:
    (context / "Dockerfile").write_text(dockerfile)
    run("buildah", "build", "--isolation=chroot", "--quiet", f"--tag={tag}", str(context))
