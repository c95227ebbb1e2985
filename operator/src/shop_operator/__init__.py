"""Turns a ShopService into everything it needs on Kubernetes, and keeps it so."""

import sys
from typing import Any

# Kopf imports the `kubernetes` package where it is installed, to know its classes: 20 MiB and a
# second at each start. None makes that import fail, which Kopf takes as "not installed". The one
# program that needs the package is a process of its own: api/kubeconfig.py.
_modules: dict[str, Any] = sys.modules
_modules.setdefault("kubernetes", None)
