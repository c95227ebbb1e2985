"""The command line: `python -m shop_cluster.release VERSION`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shop_cluster.errors import ClusterError
from shop_cluster.images import selected
from shop_cluster.paths import checkout
from shop_cluster.progress import say
from shop_cluster.release import sbom
from shop_cluster.release.publish import (
    NAMES,
    check_version,
    publish,
    remove_unfinished,
    write_manifests,
)
from shop_cluster.release.registry import serving
from shop_cluster.release.signing import signer

_PORT = 5000


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a release; return 0, or 1 with one line on stderr that says what to do."""
    asked = _parser().parse_args(arguments)
    try:
        _release(asked)
    except ClusterError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("version", help="1.2.3, or 1.2.3-rc.1")
    parser.add_argument("--image", action="append", help="only these, and no install.yaml")
    parser.add_argument("--registry", default="", help="HOST[:PORT][/PATH]; none: one on loopback")
    parser.add_argument("--port", type=int, default=_PORT, help=f"of the one on loopback ({_PORT})")
    parser.add_argument("--key", default="", help="of a key management service: hashivault://…")
    parser.add_argument("--out", type=Path, help="where it is written (dist/VERSION)")
    return parser


def _release(asked: argparse.Namespace) -> None:
    check_version(asked.version)
    names = frozenset(asked.image or NAMES)
    if unknown := names - NAMES:
        raise ClusterError(f"no image of a release: {', '.join(sorted(unknown))}")
    out: Path = asked.out or checkout() / "dist" / asked.version
    if out.exists():
        raise ClusterError(f"{out} is there already: remove it, or choose another version")
    images = selected("embedded", names)
    out.mkdir(parents=True)
    try:
        keys = signer(asked.key, folder=out)
        with _registry(asked, out) as registry:
            released = [
                publish(image, version=asked.version, registry=registry, signer=keys, out=out)
                for image in images
            ]
        keys.write_public_key(out / "cosign.pub")
        sbom.write_of_lock(out / "sbom" / "uv.lock.cdx.json")
        if names == NAMES:
            write_manifests(out, released)
    except BaseException:
        remove_unfinished(out)
        raise
    (out / "signing-config.json").unlink()
    say(f"{len(released)} images, signed and verified: {out}")


@contextmanager
def _registry(asked: argparse.Namespace, out: Path) -> Iterator[str]:
    if asked.registry:
        yield asked.registry
    else:
        with serving(out / "registry", port=asked.port) as host:
            yield host


if __name__ == "__main__":
    sys.exit(main())
