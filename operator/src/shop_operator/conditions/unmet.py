"""Measures which conditions of the ShopServices are not True, for Prometheus.

Every replica does, by what it reads: so an alert does not begin anew when another one leads.
"""

from collections.abc import Mapping

from shop_operator.api.informer import Informer
from shop_operator.metrics import CONDITION_UNMET
from shop_operator.spec import Key


class UnmetConditions:
    """Shows what is unmet now, and forgets what was: one series for each such condition."""

    def __init__(self, services: Mapping[str, Informer]) -> None:
        self._services = services
        self._shown: dict[Key, set[tuple[str, str]]] = {}

    def look(self, key: Key) -> None:
        """Measure a ShopService as it is read now; one that is gone has no series any more."""
        informer = self._services.get(key.namespace)
        body = None if informer is None else informer.get(key.name)
        status = {} if body is None else body.get("status") or {}
        unmet = {
            (each["type"], each["reason"])
            for each in status.get("conditions") or ()
            if each["status"] != "True"
        }
        for gone in self._shown.pop(key, set()) - unmet:
            CONDITION_UNMET.remove(key.namespace, key.name, *gone)
        for each in unmet:
            CONDITION_UNMET.labels(key.namespace, key.name, *each).set(1)
        if unmet:
            self._shown[key] = unmet
