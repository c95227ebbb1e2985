"""`python -m shop_servers up|down|status`: one set of servers, reused until it is taken down."""

import argparse
import sys
import time

from shop_servers.instance import ServerError
from shop_servers.packages import PackageMissingError
from shop_servers.server_set import kept
from shop_servers.servers import SERVERS


def main() -> int:
    """Do what the word says."""
    parser = argparse.ArgumentParser(prog="python -m shop_servers")
    parser.add_argument("command", choices=["up", "down", "status"])
    parser.add_argument(
        "servers", nargs="*", choices=[*sorted(SERVERS), []], help="all when none is named"
    )
    arguments = parser.parse_args()
    servers = kept()
    match arguments.command:
        case "up":
            begun = time.monotonic()
            try:
                servers.need(*(arguments.servers or sorted(SERVERS)))
            except (ServerError, PackageMissingError) as error:
                _say(str(error))
                return 1
            _say(f"ready after {time.monotonic() - begun:.1f} s")
        case "down":
            servers.down()
    status = servers.status()
    if status is None:
        _say("no servers are kept running")
        return 0
    for name, server in status["servers"].items():
        state = "running" if server["running"] else "down"
        facts = "  ".join(f"{key}={value}" for key, value in server["facts"].items())
        _say(f"{name:9} {state:8} {facts}")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
