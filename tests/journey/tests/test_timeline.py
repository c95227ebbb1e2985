import io

from rich.console import Console
from shop_journey.timeline import Hop, table

HISTORY = [
    {"cause": "minishop.order.placed.v1", "status": "pending", "at": "2026-01-01T00:00:00Z"},
    {
        "cause": "minishop.inventory.reserved.v1",
        "status": "reserved",
        "at": "2026-01-01T00:00:00.020Z",
    },
    {
        "cause": "minishop.payment.captured.v1",
        "status": "paid",
        "at": "2026-01-01T00:00:00.050Z",
    },
]


def test_hops_are_timed_and_named_by_the_service_whose_fact_they_are() -> None:
    hops = Hop.all_of(HISTORY)
    assert [(hop.service, round(hop.after, 3), round(hop.took, 3)) for hop in hops] == [
        ("order", 0, 0),
        ("product", 0.02, 0.02),
        ("payment", 0.05, 0.03),
    ]
    out = io.StringIO()
    Console(file=out, width=100).print(table(hops))
    assert "+30 ms" in out.getvalue()
    assert Hop.all_of([]) == []
