"""The images that every other is built on, where no registry can be asked for them.

A Dockerfile names its base by `ARG BASE=python:3.12-slim` (or debian:bookworm-slim) and uv by
`ARG UV=…`; with Docker those are pulled, here an equal is made from Debian's packages.
"""

import hashlib
import re
import shutil
import tempfile
from pathlib import Path

from shop_cluster.build import content_hash
from shop_cluster.errors import ClusterError
from shop_cluster.paths import cache
from shop_cluster.progress import long_step
from shop_cluster.shell import run

_MIRROR = "http://deb.debian.org/debian"
_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
_LIST = Path("/etc/apt/sources.list")
_BARE = ("doc", "man", "info", "locale")
_OPTIONS = (
    "--quiet",
    "--variant=minbase",
    # Merged from the start: the package that merges afterwards would bring all of Perl.
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    "--include=ca-certificates,usr-is-merged",
    '--aptopt=APT::Install-Recommends "false"',
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in _BARE),
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
        kind = declared["BASE"].partition(":")[0]
        if kind not in _MAKERS:
            raise ClusterError(f"{dockerfile}: no base like {declared['BASE']} can be made here")
        arguments["BASE"] = _MAKERS[kind]()
    if "UV" in declared:
        arguments["UV"] = _uv()
    return arguments


def debian_base() -> str:
    """Return Debian bookworm at its smallest, made once a recipe."""
    sources = _sources()
    tag = _tag("debian", sources, *_OPTIONS)
    if not _exists(tag):
        with long_step("making the Debian base image"), tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root.tar"
            run("mmdebstrap", *_OPTIONS, "bookworm", str(root), "-", stdin=sources)
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
    if not _exists(tag):
        with long_step("making the Python base image"), tempfile.TemporaryDirectory() as folder:
            _build(Path(folder), tag, recipe)
    return tag


def _uv() -> str:
    """Return an image with the uv of this machine at /uv."""
    binary = Path(shutil.which("uv") or cache() / "uv" / "bin" / "uv")
    tag = _tag("uv", content_hash([binary]))
    if not _exists(tag):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy2(binary, Path(folder) / "uv")
            _build(Path(folder), tag, "FROM scratch\nCOPY uv /uv")
    return tag


_MAKERS = {"debian": debian_base, "python": python_base}


def _tag(kind: str, *recipe: str) -> str:
    content = hashlib.sha256("\0".join(recipe).encode()).hexdigest()[:16]
    return f"localhost/minishop-{kind}:{content}"


def _build(context: Path, tag: str, dockerfile: str) -> None:
    (context / "Dockerfile").write_text(dockerfile)
    run("buildah", "build", "--isolation=chroot", "--quiet", f"--tag={tag}", str(context))


def _exists(tag: str) -> bool:
    return bool(run("buildah", "images", "--quiet", "--filter", f"reference={tag}").strip())


def _sources() -> str:
    """Return apt's sources: this machine's own when it is the same Debian, with its mirror."""
    if "VERSION_CODENAME=bookworm" in Path("/etc/os-release").read_text():
        for file in (_SOURCES, _LIST):
            if file.exists():
                return file.read_text()
    return (
        f"deb {_MIRROR} bookworm main\ndeb {_MIRROR} bookworm-updates main\n"
        "deb http://deb.debian.org/debian-security bookworm-security main\n"
    )
