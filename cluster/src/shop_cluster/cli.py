"""The command line: `shop-cluster up | down | status | images`."""

import argparse
import sys
from collections.abc import Sequence

from shop_cluster import preflight
from shop_cluster.down import down
from shop_cluster.errors import ClusterError
from shop_cluster.images import build_all
from shop_cluster.places import Places
from shop_cluster.progress import say
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
    commands.add_parser("up", help="bring the cluster up").set_defaults(run=_up)
    commands.add_parser("down", help="take it away").set_defaults(run=_down)
    commands.add_parser("status", help="show each part").set_defaults(run=_status)
    images = commands.add_parser("images", help="build images and import those that changed")
    images.add_argument("name", nargs="*", help="only these (order, postgres, …)")
    images.set_defaults(run=_images)
    return parser


def _up(places: Places, _: argparse.Namespace) -> int:
    up(places)
    say("the cluster is ready")
    sys.stdout.write(f"export KUBECONFIG={places.kubeconfig}\n")
    return 0


def _down(places: Places, _: argparse.Namespace) -> int:
    preflight.check_user()
    down(places)
    return 0


def _status(places: Places, _: argparse.Namespace) -> int:
    return status(places)


def _images(places: Places, asked: argparse.Namespace) -> int:
    build_all(places, frozenset(asked.name))
    return 0
