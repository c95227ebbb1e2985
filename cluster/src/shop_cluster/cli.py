"""The command line: `shop-cluster up | down | status | images | platform`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from shop_cluster import kind, preflight, stale_pods
from shop_cluster.build import shopkube
from shop_cluster.down import down
from shop_cluster.errors import ClusterError
from shop_cluster.images import build_all, named
from shop_cluster.places import Places
from shop_cluster.platform import install
from shop_cluster.progress import say
from shop_cluster.shell import run
from shop_cluster.status import status
from shop_cluster.up import up


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; return 0, or 1 with one line on stderr that says what to do."""
    asked = _parser().parse_args(arguments)
    places = Places.of_this_machine()
    try:
        return int(asked.run(places, asked))
    except ClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shop-cluster", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("up", help="bring the cluster up").set_defaults(run=_run_up)
    commands.add_parser("down", help="take it away").set_defaults(run=_run_down)
    commands.add_parser("status", help="show each part").set_defaults(run=_run_status)
    platform = commands.add_parser("platform", help="install the stores, Kafka and Connect")
    platform.set_defaults(run=_run_platform)
    images = commands.add_parser("images", help="build images and import those that changed")
    images.add_argument("name", nargs="*", help="only these (order, postgres, …)")
    images.set_defaults(run=_run_images)
    return parser


def _kubeconfig(places: Places) -> Path:
    return places.kubeconfig if kind.chosen() == "embedded" else kind.kubeconfig()


def _run_up(places: Places, _: argparse.Namespace) -> int:
    match kind.chosen():
        case "embedded":
            up(places)
        case "kind":
            kind.up()
        case _:
            run("kubectl", "version")
    say("the cluster is ready")
    sys.stdout.write(f"export KUBECONFIG={_kubeconfig(places)}\n")
    return 0


def _run_platform(places: Places, _: argparse.Namespace) -> int:
    embedded = kind.chosen() == "embedded"
    install(
        kubectl=(str(shopkube()), "kubectl") if embedded else ("kubectl",),
        kubeconfig=_kubeconfig(places),
        overlay="embedded" if embedded else "kind",
        report=say,
    )
    return 0


def _run_down(places: Places, _: argparse.Namespace) -> int:
    match kind.chosen():
        case "embedded":
            preflight.check_user()
            down(places)
        case "kind":
            kind.down()
        case _:
            raise ClusterError("CLUSTER=current: a cluster that was not made here is not removed")
    return 0


def _run_status(places: Places, _: argparse.Namespace) -> int:
    if kind.chosen() == "embedded":
        return status(places)
    sys.stdout.write(run("kubectl", "get", "nodes"))
    return 0


def _run_images(places: Places, asked: argparse.Namespace) -> int:
    names = frozenset(asked.name)
    cluster = kind.chosen()
    if cluster == "embedded":
        build_all(places, names)
        kubectl = (str(shopkube()), "kubectl", f"--kubeconfig={places.kubeconfig}")
        for pod in stale_pods.restart(kubectl):
            say(f"{pod} makes way for the new image")
    else:
        for image in named(names):
            if not image.upstream:
                kind.ensure_image(image, load=cluster == "kind")
    return 0
