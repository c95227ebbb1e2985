"""What can go wrong with a cluster, each said in one line that tells what to do."""


class ClusterError(Exception):
    """Something that the person at the keyboard can act on; its text is one line."""
