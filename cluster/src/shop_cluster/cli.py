"""The command line: `shop-cluster up | down | status | images | image | platform | …`."""

import argparse
import asyncio
import shutil
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from shop_cluster import (
    edge,
    image_loading,
    kind,
    layers,
    observability,
    opentofu,
    preflight,
    shop_secrets,
    stale_pods,
    vault,
)
from shop_cluster.backups import on_cluster
from shop_cluster.build import programs, shopkube, tool
from shop_cluster.certificates import Authority
from shop_cluster.development_images import ensure_development_image
from shop_cluster.down import down
from shop_cluster.errors import NO_CLUSTER, ClusterError
from shop_cluster.image_catalogue import Image, image_of_folder
from shop_cluster.images import selected
from shop_cluster.paths import ClusterPaths
from shop_cluster.platform import ensure_secrets, install
from shop_cluster.progress import say
from shop_cluster.published_crds import EMBEDDED, published
from shop_cluster.secrets_provider import VAULT_IMAGES, chosen_provider
from shop_cluster.shell import run
from shop_cluster.status import status
from shop_cluster.up import up

_INTERRUPTED = 128 + signal.SIGINT  # as shells say it


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; return 0, or 1 with one line on stderr that says what to do."""
    asked = _parser().parse_args(arguments)
    paths = ClusterPaths.of_this_machine()
    try:
        return int(asked.run(paths, asked))
    except ClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shop-cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    rise = commands.add_parser("up", help="bring the cluster up, and the platform on it")
    rise.add_argument("--empty", action="store_true", help="without the platform")
    rise.set_defaults(run=_run_up)
    commands.add_parser("down", help="take it away").set_defaults(run=_run_down)
    commands.add_parser("status", help="show each part").set_defaults(run=_run_status)
    platform = commands.add_parser("platform", help="install the stores, Kafka and Connect")
    platform.set_defaults(run=_run_platform)
    images = commands.add_parser("images", help="build images and import those that changed")
    images.add_argument("name", nargs="*", help="only these (order, user, …)")
    images.add_argument("--platform", action="store_true", help="only those of the platform")
    images.set_defaults(run=_run_images)
    image = commands.add_parser("image", help="build and import a service of your own")
    image.add_argument("folder", type=Path, help="holds its Dockerfile; its name is the image's")
    image.add_argument("--version", default="0.1.0", help="the image's tag (0.1.0)")
    image.set_defaults(run=_run_image)
    develop = commands.add_parser("development-image", help="build and import one for `make dev`")
    develop.add_argument("name", help="a service (order, user, …)")
    develop.add_argument("file", type=Path, help="where the image's name and tag are written")
    develop.set_defaults(run=_run_development_image)
    program = commands.add_parser("tool", help="build a program of tools/, and print its path")
    program.add_argument("name", help="a folder of tools/")
    program.set_defaults(run=_run_tool)
    module = commands.add_parser("programs", help="build a Go module's programs to a folder")
    module.add_argument("source", type=Path, help="holds its go.mod")
    module.add_argument("target", type=Path, help="where the programs go")
    module.set_defaults(run=_run_programs)
    layer = commands.add_parser("observability", help="bring the layer up, or take it away")
    layer.add_argument("word", choices=("up", "down"))
    layer.set_defaults(run=_run_observability)
    kong = commands.add_parser("edge", help="bring Kong in front of the shop, or take it away")
    kong.add_argument("word", choices=("up", "down"))
    kong.set_defaults(run=_run_edge)
    secrets = commands.add_parser("secrets", help="make the stores' Secrets that are missing")
    secrets.add_argument(
        "--shop", action="store_true", help="the services' too, for development (without Vault)"
    )
    secrets.set_defaults(run=_run_secrets)
    keep = commands.add_parser("backup", help="back PostgreSQL and MongoDB up, at one moment")
    keep.add_argument("parent", type=Path, help="the backup is a new folder in it")
    keep.set_defaults(run=_run_backup)
    back = commands.add_parser("restore", help="put all stores back to a backup (embedded)")
    back.add_argument("folder", type=Path, help="the backup")
    back.add_argument("--discard", action="store_true", help="take away what the stores have now")
    back.set_defaults(run=_run_restore)
    tofu = commands.add_parser("tofu", help="run OpenTofu with the providers of terraform/")
    tofu.add_argument("folder", help="where: terraform/embedded, …")
    tofu.add_argument("words", nargs=argparse.REMAINDER, help="init, plan, apply, …")
    tofu.set_defaults(run=_run_tofu)
    return parser


def _kubectl() -> tuple[str, ...]:
    """Return how to call the kubectl of the chosen cluster, without a kubeconfig."""
    return (str(shopkube()), "kubectl") if kind.has_own_images() else ("kubectl",)


def _kubeconfig(paths: ClusterPaths) -> Path:
    return paths.kubeconfig if kind.chosen() == "embedded" else kind.kubeconfig()


def _kubectl_of_cluster(paths: ClusterPaths) -> tuple[str, ...]:
    """Return how to call kubectl for the chosen cluster. Raises ClusterError if there is none."""
    kubeconfig = _kubeconfig(paths)
    if not kubeconfig.exists():
        raise ClusterError(NO_CLUSTER)
    return (*_kubectl(), f"--kubeconfig={kubeconfig}")


def _run_up(paths: ClusterPaths, asked: argparse.Namespace) -> int:
    match kind.chosen():
        case "embedded":
            up(paths)
        case "kind":
            kind.up()
        case _:
            run("kubectl", "version")
    say("the cluster is ready")
    if not asked.empty:
        _ensure_images(paths, platform=True)
        _run_platform(paths, asked)
        say("the platform is ready")
    sys.stdout.write(f"export KUBECONFIG={_kubeconfig(paths)}\n")
    return 0


def _run_platform(paths: ClusterPaths, _: argparse.Namespace) -> int:
    own_images = kind.has_own_images()
    kubectl, kubeconfig = _kubectl(), _kubeconfig(paths)
    overlay = "embedded" if own_images else "kind"
    with_vault = chosen_provider() == "vault"
    command = (*kubectl, f"--kubeconfig={kubeconfig}")
    if with_vault:
        embedded = kind.chosen() == "embedded"
        vault.prepare(command, Authority(paths.pki) if embedded else None)
    install(
        kubectl=kubectl,
        kubeconfig=kubeconfig,
        overlay=f"{overlay}-vault" if with_vault else overlay,
        crds=published(EMBEDDED) if own_images else (),
        report=say,
    )
    if with_vault:
        shop_secrets.ensure_in_vault(command)
    return 0


def _run_down(paths: ClusterPaths, _: argparse.Namespace) -> int:
    match kind.chosen():
        case "embedded":
            preflight.check_user()
            down(paths)
        case "kind":
            kind.down()
        case _:
            raise ClusterError("CLUSTER=current: a cluster that was not made here is not removed")
    return 0


def _run_status(paths: ClusterPaths, _: argparse.Namespace) -> int:
    if kind.chosen() == "embedded":
        return status(paths)
    sys.stdout.write(run(*_kubectl(), f"--kubeconfig={_kubeconfig(paths)}", "get", "nodes"))
    return 0


def _run_images(paths: ClusterPaths, asked: argparse.Namespace) -> int:
    _ensure_images(paths, frozenset(asked.name), platform=asked.platform)
    return 0


def _run_image(paths: ClusterPaths, asked: argparse.Namespace) -> int:
    image = image_of_folder(asked.folder, version=asked.version)
    _ensure(paths, [image])
    say(f"{image.tag.removeprefix('docker.io/')} is in the cluster")
    return 0


def _run_development_image(paths: ClusterPaths, asked: argparse.Namespace) -> int:
    asked.file.write_text(f"{ensure_development_image(paths, asked.name)}\n")
    return 0


def _run_tool(_: ClusterPaths, asked: argparse.Namespace) -> int:
    sys.stdout.write(f"{tool(asked.name)}\n")
    return 0


def _run_secrets(paths: ClusterPaths, asked: argparse.Namespace) -> int:
    command = _kubectl_of_cluster(paths)
    ensure_secrets(command)
    if asked.shop:
        shop_secrets.ensure_in_kubernetes(command)
    return 0


def _run_tofu(_: ClusterPaths, asked: argparse.Namespace) -> int:
    return opentofu.run([f"-chdir={asked.folder}", *asked.words])


def _run_backup(paths: ClusterPaths, asked: argparse.Namespace) -> int:
    made = on_cluster.back_up(_kubectl_of_cluster(paths), asked.parent, report=say)
    sys.stdout.write(f"{asyncio.run(made)}\n")
    return 0


def _run_restore(paths: ClusterPaths, asked: argparse.Namespace) -> int:
    if kind.chosen() != "embedded":
        raise ClusterError("how other clusters are restored is in docs/production.md")
    command = _kubectl_of_cluster(paths)
    restoring = on_cluster.restore(command, asked.folder, discard=asked.discard, report=say)
    asyncio.run(restoring)
    return 0


def _run_programs(_: ClusterPaths, asked: argparse.Namespace) -> int:
    asked.target.mkdir(parents=True, exist_ok=True)
    for each in programs(asked.source):
        shutil.copy2(each, asked.target / each.name)
    return 0


def _kubectl_for_layer(paths: ClusterPaths, layer: str) -> tuple[str, ...]:
    """Return kubectl's words. Raises ClusterError, with what to do, where the layer can't come."""
    layers.check(layer)
    _kubectl_of_cluster(paths)
    return _kubectl()


def _run_observability(paths: ClusterPaths, asked: argparse.Namespace) -> int:
    kubectl = _kubectl_for_layer(paths, observability.LAYER)
    if asked.word == "up":
        _ensure(paths, selected("embedded", layer=observability.LAYER))
        observability.install(
            kubectl=kubectl, kubeconfig=paths.kubeconfig, pod_logs=paths.pod_logs, report=say
        )
    else:
        observability.remove(kubectl=kubectl, kubeconfig=paths.kubeconfig, report=say)
    return 0


def _run_edge(paths: ClusterPaths, asked: argparse.Namespace) -> int:
    kubectl = _kubectl_for_layer(paths, edge.LAYER)
    if asked.word == "up":
        _ensure(paths, selected("embedded", layer=edge.LAYER))
        edge.install(
            kubectl=kubectl, kubeconfig=paths.kubeconfig, authority=Authority(paths.pki), report=say
        )
    else:
        edge.remove(kubectl=kubectl, kubeconfig=paths.kubeconfig, report=say)
    return 0


def _ensure_images(
    paths: ClusterPaths, names: frozenset[str] = frozenset(), *, platform: bool = False
) -> None:
    cluster: Literal["embedded", "docker"]
    cluster = "embedded" if kind.has_own_images() else "docker"
    unused = frozenset[str]() if chosen_provider() == "vault" else VAULT_IMAGES - names
    found = selected(cluster, names, platform=platform)
    _ensure(paths, [image for image in found if image.name not in unused])


def _ensure(paths: ClusterPaths, images: Iterable[Image]) -> None:
    """Have the images in the cluster; pods of an image that changed under its tag make way."""
    image_loading.load(paths, images)
    if not kind.has_own_images():
        return
    for pod in stale_pods.restart((*_kubectl(), f"--kubeconfig={_kubeconfig(paths)}")):
        say(f"{pod} makes way for the new image")
