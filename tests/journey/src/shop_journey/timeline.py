"""An order's journey as a table: event by event, with the time of each hop."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from rich.table import Table

# Whose fact an event is, by the aggregate in its type.
_OWNERS = {
    "user": "user",
    "product": "product",
    "inventory": "product",
    "order": "order",
    "payment": "payment",
    "shipment": "shipping",
}


@dataclass(frozen=True)
class Hop:
    """One change of the order: `after` is since the order was placed, `took` since the last hop."""

    event: str
    service: str
    status: str
    after: float
    took: float

    @classmethod
    def all_of(cls, history: Sequence[dict[str, Any]]) -> list[Self]:
        """Return the hops of an order's history as the API answers it; times are in seconds."""
        hops: list[Self] = []
        times = [datetime.fromisoformat(entry["at"]) for entry in history]
        for entry, at, before in zip(history, times, times[:1] + times, strict=False):
            aggregate = entry["cause"].removeprefix("minishop.").partition(".")[0]
            hops.append(
                cls(
                    event=entry["cause"].removeprefix("minishop."),
                    service=_OWNERS.get(aggregate, "order"),
                    status=entry["status"],
                    after=(at - times[0]).total_seconds(),
                    took=(at - before).total_seconds(),
                )
            )
        return hops


def table(hops: Sequence[Hop]) -> Table:
    """Return the hops as a table for the terminal."""
    shown = Table(title="The order's journey", title_justify="left", box=None, pad_edge=False)
    for name, right in (("after", True), ("hop", True), ("event", False), ("from", False)):
        shown.add_column(name, justify="right" if right else "left")
    shown.add_column("the order is then")
    for hop in hops:
        shown.add_row(
            f"{hop.after * 1000:.0f} ms",
            f"+{hop.took * 1000:.0f} ms",
            hop.event,
            hop.service,
            hop.status,
        )
    return shown
