"""Runs kubectl, for the commands that leave the work to it."""

import shutil
import subprocess
import sys

from shop_operator.api import connection

REFUSED = 3


def run(*words: str) -> int:
    """Run kubectl; return 3 where it failed or is not there, else its exit code.

    A program that `kubectl exec` ran has codes of its own. Raises NoClusterError.
    """
    connection.login()  # says in a line what is wrong with a kubeconfig
    path = shutil.which("kubectl")
    if path is None:
        sys.stderr.write("kubectl shop: kubectl is not on the PATH\n")
        return REFUSED
    code = subprocess.run([path, *words], check=False).returncode  # noqa: S603 - words apart
    return REFUSED if code == 1 else code
