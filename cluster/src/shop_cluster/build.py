"""Builds the Go programs once a content, for every checkout on this machine."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from shop_cluster import packages
from shop_cluster.errors import ClusterError
from shop_cluster.go_toolchain import go
from shop_cluster.paths import cache, checkout
from shop_cluster.progress import long_step

KUBERNETES_VERSION = "v1.34.4"
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
_NEED_CGO = frozenset({"tilt"})
"""What does not build without a C compiler: Tilt parses Tiltfiles for editors by tree-sitter."""
_NETWORK_SIGNS = ("dial tcp", "proxyconnect", "no such host", "i/o timeout", "connection refused")


def content_hash(files: Iterable[Path], *salt: str, root: Path | None = None) -> str:
    """Return 16 hex digits that change with a file's name, right to run or bytes, or the salt.

    A file's name is its path below ``root``, or only its last part without one.
    """
    digest = hashlib.sha256("\0".join(salt).encode())
    for file in sorted(files):
        name = file.relative_to(root) if root else file.name
        digest.update(f"\0{name}\0{os.access(file, os.X_OK)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def shopkube() -> Path:
    """Return the path of Kubernetes in one binary, building it when this content never was.

    Raises:
        ClusterError: no Go, no network for the modules, or the build failed.

    """
    return go_program(checkout() / "cluster" / "shopkube", ldflags=_of_kubernetes())


def kubeadm() -> Path:
    """Return the path of kubeadm, which makes a cluster in kind's nodes. Raises as `shopkube`."""
    return go_program(
        checkout() / "tools" / "kubeadm",
        package="k8s.io/kubernetes/cmd/kubeadm",
        ldflags=_of_kubernetes(),
    )


def _of_kubernetes() -> str:
    """Return the linker's flags that have a program of Kubernetes say its version."""
    flags = [f"-X {package}.gitVersion={KUBERNETES_VERSION}" for package in _VERSION_PACKAGES]
    flags += [f"-X {package}.gitMajor=1" for package in _VERSION_PACKAGES]
    flags += [f"-X {package}.gitMinor=34" for package in _VERSION_PACKAGES]
    return " ".join(["-s -w", *flags])


def pause() -> Path:
    """Return the path of the program that holds a pod's namespaces open."""
    return go_program(checkout() / "cluster" / "pause", ldflags="-s -w")


def tool(name: str) -> Path:
    """Return a program of `tools/`: others' work, at the versions that its go.mod and go.sum lock.

    Raises:
        ClusterError: there is no such tool; or as `shopkube`.

    """
    source = checkout() / "tools" / name
    if not (source / "go.mod").is_file():
        raise ClusterError(f"no tool {name!r}: tools/ has {', '.join(_tools())}")
    [package] = re.findall(r"^tool (\S+)$", (source / "go.mod").read_text(), re.MULTILINE)
    return go_program(source, package=package, ldflags="-s -w")


def programs(source: Path) -> list[Path]:
    """Return what a Go module is for: the packages of its `tool` lines built, else its own.

    One program is named like the module's folder, each of several like its package.

    Raises:
        ClusterError: as `shopkube`.

    """
    packages = re.findall(r"^tool (\S+)$", (source / "go.mod").read_text(), re.MULTILINE)
    if not packages:
        return [go_program(source, ldflags="-s -w")]
    if len(packages) == 1:
        return [go_program(source, package=packages[0], ldflags="-s -w")]
    return [
        go_program(source, package=package, name=package.rpartition("/")[2], ldflags="-s -w")
        for package in packages
    ]


def _tools() -> list[str]:
    return sorted(file.parent.name for file in (checkout() / "tools").glob("*/go.mod"))


def go_program(source: Path, *, ldflags: str, package: str = ".", name: str = "") -> Path:
    """Return what a package builds to in the Go module at `source`, from the cache if it is there.

    The program has the module's folder's name, or the one given.

    Raises:
        ClusterError: as `shopkube`.

    """
    files = [*source.glob("*.go"), *source.glob("go.*")]
    name = name or source.name
    target = cache() / "bin" / f"{name}-{content_hash(files, ldflags, package)}" / name
    if target.exists():
        return target
    target.parent.parent.mkdir(parents=True, exist_ok=True)
    # Two checkouts may want the same binary at the same time: one builds, the other waits.
    with (target.parent.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _build(source, target, ldflags=ldflags, package=package)
    return target


def _build(source: Path, target: Path, *, ldflags: str, package: str) -> None:
    scratch = target.parent.with_name(f"{target.parent.name}.partial")
    command = [go(), "build", "-trimpath", "-buildvcs=false", "-mod=readonly"]
    command += ["-ldflags", ldflags, "-o", str(scratch / target.name), package]
    cgo = target.name in _NEED_CGO
    if cgo and shutil.which("gcc") is None:
        packages.install(["gcc", "g++", "libc6-dev"])
    environment = {**os.environ, "CGO_ENABLED": str(int(cgo))}
    with long_step(f"building {target.name} (once for this content)"):
        done = subprocess.run(  # noqa: S603 - our own go.mod, no outside input
            command, cwd=source, env=environment, text=True, capture_output=True, check=False
        )
    if done.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        errors = [line for line in done.stderr.splitlines() if "downloading" not in line]
        reason = errors[-1] if errors else f"exit status {done.returncode}"
        if any(sign in done.stderr for sign in _NETWORK_SIGNS):
            raise ClusterError(
                f"cannot fetch Go modules for {target.name}: check the network, or set GOPROXY"
                f" to a proxy that answers ({reason})"
            )
        raise ClusterError(f"building {target.name} failed: {reason}")
    scratch.rename(target.parent)
