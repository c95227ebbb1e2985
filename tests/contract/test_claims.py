"""A claim of durable work reads an index of open work, however many rows are settled."""

from typing import Any

import pytest
import sqlalchemy as sa

from contract.services import SERVICES
from contract.shop import Shop
from shop_notification.repository.sending import MESSAGES
from shop_payment.provider_calls.queue import CALLS as PROVIDER_CALLS
from shop_shared.stores.durable_work import WorkTable
from shop_shared.stores.postgres import create_engine
from shop_shipping.repository import CALLS as CARRIER_CALLS

CLAIMS = [
    pytest.param("payment", PROVIDER_CALLS, {"provider_calls_due"}, id="provider calls"),
    pytest.param("shipping", CARRIER_CALLS, {"shipments_call"}, id="carrier calls"),
    pytest.param("notification", MESSAGES, {"notifications_open"}, id="messages"),
]


def scans(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """Return how each table is read in a plan: the kind of node and the index, or the table."""
    name = plan.get("Index Name") or plan.get("Relation Name")
    own = [(plan["Node Type"], name)] if name and plan["Node Type"].endswith("Scan") else []
    return own + [scan for part in plan.get("Plans", ()) for scan in scans(part)]


@pytest.mark.parametrize(("service", "work", "indexes"), CLAIMS)
async def test_a_claim_reads_the_index_of_what_is_due(
    service: str, work: WorkTable, indexes: set[str], shop: Shop
) -> None:
    engine = create_engine(shop.stores.settings(SERVICES[service]))
    claim = sa.select(work.claimed).compile(dialect=engine.dialect)
    unknown = ", ".join(["NULL"] * len(claim.positiontup or ()))
    async with engine.connect() as connection:
        # Of an empty table the whole is read, unless it must not be.
        await connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        # The plan for any values: the one that a statement in steady use gets.
        await connection.execute(sa.text("SET LOCAL plan_cache_mode = force_generic_plan"))
        await connection.exec_driver_sql(f"PREPARE claim AS {claim}")
        explain = f"EXPLAIN (FORMAT JSON) EXECUTE claim({unknown})"
        [plan] = (await connection.exec_driver_sql(explain)).scalar_one()
    await engine.dispose()
    read = scans(plan["Plan"])
    assert not [name for kind, name in read if kind == "Seq Scan"], read
    assert indexes <= {name for _, name in read}, read
