"""Whether a Docker daemon is there. Asked without its client library, which is slow to load."""

import os
import socket
from contextlib import closing
from http.client import HTTPConnection, HTTPException

SOCKET = "unix:///var/run/docker.sock"


def wanted() -> bool:
    """Whether servers are to be containers: a daemon answers, and nobody said otherwise.

    `SHOP_SERVERS=processes` says otherwise.
    """
    return os.environ.get("SHOP_SERVERS") != "processes" and _answers(
        os.environ.get("DOCKER_HOST", SOCKET)
    )


def _answers(host: str) -> bool:
    scheme, _, place = host.partition("://")
    unix = scheme == "unix"
    try:
        with closing(HTTPConnection("docker" if unix else place, timeout=5)) as connection:
            if unix:
                connection.sock = socket.socket(socket.AF_UNIX)
                connection.sock.settimeout(5)
                connection.sock.connect(place)
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
