"""What can go wrong with a cluster, each said in one line that tells what to do."""

from typing import Final

NO_CLUSTER: Final = "there is no cluster: run `make up` first"


class ClusterError(Exception):
    """Something that the person at the keyboard can act on; its text is one line."""
