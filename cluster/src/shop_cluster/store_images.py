"""Images of the stores and of the platform's controllers, as `images/` describes them.

A folder there holds a Dockerfile and, where it needs what only the network has, a `fetch.sh`;
what that brings is kept by content, and stands in the build's context as `fetched/`.
"""

import shutil
from pathlib import Path

from shop_cluster import base_image, images
from shop_cluster.build import content_hash
from shop_cluster.places import Places, cache, checkout
from shop_cluster.progress import say
from shop_cluster.shell import run

VERSION = "0.1.0"
NAMES = ("kafka", "mongodb", "postgres", "rabbitmq", "redis", "platform")


def load_all(places: Places) -> list[str]:
    """Have every image in the cluster, and return the names of those that were not there yet."""
    base = base_image.ensure()
    loaded = []
    for name in NAMES:
        tag = f"docker.io/minishop/{name}:{VERSION}"
        context = _context(name)
        identity = images.build(
            context / "Dockerfile", context=context, tag=tag, arguments={"BASE": base}
        )
        if images.load(places, tag, identity):
            say(f"image minishop/{name} loaded")
            loaded.append(name)
    return loaded


def _context(name: str) -> Path:
    """Return a folder to build an image in, fetched before when nothing changed since."""
    source = checkout() / "images" / name
    files = [file for file in source.iterdir() if file.is_file()]
    if name == "platform":
        package = checkout() / "cluster" / "src" / "shop_cluster"
        files += [checkout() / "uv.lock", *package.glob("*.py")]
    target = cache() / "images" / f"{name}-{content_hash(files)}"
    if target.exists():
        return target
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    shutil.copy(source / "Dockerfile", partial)
    if (source / "fetch.sh").exists():
        say(f"fetching for image minishop/{name}")
        run(str(source / "fetch.sh"), str(partial / "fetched"))
    partial.rename(target)
    return target
