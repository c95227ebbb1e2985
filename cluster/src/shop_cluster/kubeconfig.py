"""Access to an API server, as the file that kubectl and every client library reads."""

import base64
from pathlib import Path

import yaml

from shop_cluster.certificates import Authority


def write_kubeconfig(
    path: Path, authority: Authority, *, server: str, user: str, groups: tuple[str, ...] = ()
) -> Path:
    """Write a kubeconfig that carries its certificates, and return its path.

    ``server`` is the API server's URL; ``user`` and ``groups`` are what RBAC will see.
    """
    certificate, key = authority.issue(f"client-{user.replace(':', '-')}", user=user, groups=groups)
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "minishop",
        "contexts": [{"name": "minishop", "context": {"cluster": "minishop", "user": user}}],
        "clusters": [
            {
                "name": "minishop",
                "cluster": {
                    "server": server,
                    "certificate-authority-data": _inline(authority.certificate),
                },
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _inline(certificate),
                    "client-key-data": _inline(key),
                },
            }
        ],
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def _inline(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
