"""What the shop's programs measure: `python emitted.py order` prints it of one, as JSON.

It is read from the program's own answer to GET /metrics; that of a counter with labels that never
counted names the metric, but not its labels, which are the registry's.
"""

import asyncio
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module

SERVICES = ("user", "auth", "product", "order", "payment", "shipping", "notification", "gateway")
PROGRAMS = (*SERVICES, "operator", "stores")
# What measures in the programs that are no services.
_LOADED = {"operator": "shop_operator.main", "stores": "shop_cluster.store_figures.gauges"}
_SUFFIXES = {
    "counter": ("",),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("", "_count", "_sum"),
}
# What prometheus-operator adds to each sample of a ServiceMonitor's target.
TARGET = frozenset({"namespace", "service", "job", "pod", "container", "endpoint", "instance"})
_OF_PROMETHEUS = {"up": frozenset[str]()}


@dataclass(frozen=True)
class Emitted:
    """The labels of each series that a program emits, by its name."""

    labels: Mapping[str, frozenset[str]]

    def faults(self, metric: str, labels: Iterable[str]) -> list[str]:
        """Return what is wrong with asking for a metric by these labels."""
        if metric not in self.labels:
            return [f"nobody emits {metric}"]
        own = self.labels[metric]
        known = {f"exported_{name}" for name in own & TARGET} | (own - TARGET) | TARGET
        # What a metric itself calls `service` arrives under another name; ours call it `job`.
        return [
            f"{metric} has no label {name}"
            for name in sorted(labels)
            if name not in known or name == "service"
        ]


def read(
    told: Mapping[str, Mapping[str, Mapping[str, list[str]]]],
    *,
    node: Mapping[str, frozenset[str]],
) -> Emitted:
    """Join what the programs print, and what a node tells."""
    found: dict[str, frozenset[str]] = {**_OF_PROMETHEUS, **node}
    for metrics in told.values():
        for name, labels in metrics["series"].items():
            found[name] = found.get(name, frozenset()) | frozenset(labels)
    return Emitted(found)


async def answer(name: str) -> str:
    """Return a program's text of metrics."""
    if name in _LOADED:
        from prometheus_client import generate_latest  # noqa: PLC0415 - in a process of its own

        import_module(_LOADED[name])
        return generate_latest().decode()
    import httpx  # noqa: PLC0415 - as above

    from contract.services import SERVICES as MEMBERS  # noqa: PLC0415 - as above

    transport = httpx.ASGITransport(MEMBERS[name].create().app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        return (await client.get("/metrics")).raise_for_status().text


def series(text: str) -> dict[str, list[str]]:
    """Return the labels of each series that a text of metrics announces."""
    from prometheus_client import REGISTRY  # noqa: PLC0415 - as above

    declared = {
        name: list(getattr(collector, "_labelnames", ()))
        for name, collector in REGISTRY._names_to_collectors.items()
    }
    found = {}
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        for suffix in _SUFFIXES[kind]:
            more = ["le"] if suffix == "_bucket" else []
            found[f"{name}{suffix}"] = declared.get(name, []) + more
    return found


if __name__ == "__main__":
    json.dump({"series": series(asyncio.run(answer(sys.argv[1])))}, sys.stdout)
