"""The oracle: reads a shop's stores and says what is off. Its exit status is 1 if anything is.

The invariants, numbered as in what it prints:
1. Every accepted order reaches a terminal state; none is stuck. One that a customer still has time
   to pay for, also another way after a decline, is not stuck.
2. The money that the orders say was paid and given back is what the payments say; one capture an
   order, never more refunded than captured, none kept of an order that came to nothing, and all of
   the total captured of an order that was delivered (nothing, of a free one). What came by an
   attempt that another has superseded, or by a second charge, went back.
3. available + reserved + sold = all units ever put in, for each product, none negative; the
   reservations held add up to what is reserved, and orders' units, less those that came back and
   are on the shelf again, to what is sold. Those are the ones of the returns that say so.
4. Every event that a service committed was heard by each service that subscribes to it and keeps
   an inbox. A dead letter is one not heard, until it is redriven. A service that was upgraded need
   not have heard what came before, of a type that it may not have subscribed to then.
5. An order is never both refunded and delivered, and has one shipment at most; what goes back of a
   delivered one, apart from a person's goodwill, is what returned goods cost. Only what was
   delivered is returned, no unit twice, and a return's money goes back once.

It can be used against any running shop: `python tests/oracle.py` looks at the cluster of the
current kubeconfig, `--settle 60` lets what is under way come to its end first.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from shop_cluster.errors import ClusterError
from snapshot import Order, Payment, Return, Snapshot, Stock, Violation, subscriptions
from store_access import Published, Stores, from_cluster

TERMINAL = frozenset(("delivered", "rejected", "cancelled", "expired", "refunded"))
CAME_TO_NOTHING = TERMINAL - {"delivered"}
TAKE_OVER = timedelta(seconds=30)
"""For so long after a rollout a pod of the version before may still read what it skips."""


def violations(snapshot: Snapshot) -> Iterator[Violation]:
    """Yield everything that is off in the snapshot."""
    yield from _stuck(snapshot)
    yield from _accounts(snapshot)
    for stock in snapshot.stock:
        yield from _units(stock)
        yield from _sold(stock, whole=snapshot.every_reservation_kept)
    yield from _unheard(snapshot)
    yield from _parcels(snapshot)
    yield from _returned_goods(snapshot)


def _stuck(snapshot: Snapshot) -> Iterator[Violation]:
    unpaid = {payment.order_id for payment in snapshot.payments if payment.awaits_customer}
    for order in snapshot.orders:
        awaits_customer = order.status == "reserved" and order.id in unpaid and not order.overdue
        if order.status not in TERMINAL and not awaits_customer:
            yield Violation(1, f"order {order.id} is still {order.status}")


def _accounts(snapshot: Snapshot) -> Iterator[Violation]:
    payments: defaultdict[str, list[Payment]] = defaultdict(list)
    for payment in snapshot.payments:
        yield from _returned(payment)
        if not payment.superseded:
            payments[payment.order_id].append(payment)
    for order in snapshot.orders:
        yield from _money(order, payments.pop(order.id, []))
    for order_id in payments:
        yield Violation(2, f"a payment for order {order_id}, which does not exist")


def _returned(payment: Payment) -> Iterator[Violation]:
    kept = payment.captured - payment.refunded
    if payment.superseded and kept:
        yield Violation(2, f"order {payment.order_id}: {kept} kept of a superseded payment")
    if payment.second_charges:
        yield Violation(2, f"order {payment.order_id}: a second charge was not returned")


def _unheard(snapshot: Snapshot) -> Iterator[Violation]:
    missed: list[tuple[str, Published]] = []
    first: dict[tuple[str, str], datetime] = {}
    for event in snapshot.published:
        groups = snapshot.subscriptions.get((event.topic, event.type), frozenset())
        # A group without an inbox has no effect that could be lost, and keeps no account.
        for group in groups & snapshot.heard.keys():
            if event.id not in snapshot.heard[group]:
                missed.append((group, event))
            else:
                reads = group, event.type
                first[reads] = min(event.time, first.get(reads, event.time))
    for group, event in missed:
        since = snapshot.upgraded.get(group)
        if since is not None:
            # One of the type was heard: it was subscribed to then. Surely it is since the upgrade.
            subscribed = since + TAKE_OVER, first.get((group, event.type), since + TAKE_OVER)
            if event.time < min(subscribed):
                continue
        yield Violation(4, f"{group} has not heard {event.type} {event.id}")


def _parcels(snapshot: Snapshot) -> Iterator[Violation]:
    compensated = {
        payment.order_id
        for payment in snapshot.payments
        if payment.compensated and not payment.superseded
    }
    for order_id, status in snapshot.shipments:
        if status == "delivered" and order_id in compensated:
            yield Violation(5, f"order {order_id} was delivered and refunded")
    for order_id, count in Counter(order_id for order_id, _ in snapshot.shipments).items():
        if count > 1:
            yield Violation(5, f"order {order_id} has {count} shipments")


def _returned_goods(snapshot: Snapshot) -> Iterator[Violation]:
    orders = {order.id: order for order in snapshot.orders}
    back: defaultdict[str, Counter[str]] = defaultdict(Counter)
    shelf: Counter[str] = Counter()
    for each in snapshot.returns:
        yield from _return(each, orders.get(each.order_id))
        if each.status != "refused":
            back[each.order_id].update(each.units)
        if each.restock:
            shelf.update(each.units)
    for order_id, units in back.items():
        had = orders[order_id].units if order_id in orders else {}
        for product_id, count in units.items():
            if count > had.get(product_id, 0):
                yield Violation(5, f"order {order_id}: {count} units of {product_id} returned")
    for stock in snapshot.stock:
        missing = shelf[stock.product_id] - stock.put_back
        if missing < 0 or (missing and snapshot.every_reservation_kept):
            yield Violation(
                3,
                f"product {stock.product_id}: {stock.put_back} units back on the shelf, "
                f"{shelf[stock.product_id]} of returns",
            )


def _return(each: Return, order: Order | None) -> Iterator[Violation]:
    if order is None or order.status != "delivered":
        yield Violation(5, f"return {each.id} of an order that was not delivered")
    if each.status == "received":
        yield Violation(1, f"return {each.id} is still received, its money not back")
    paid_back = each.paid_back or 0
    # One whose own refund failed is settled by another, which staff made by hand.
    by_hand = each.paid_back is None and order is not None and each.refund <= order.refunded
    if each.status == "refunded" and paid_back != each.refund and not by_hand:
        yield Violation(2, f"return {each.id}: {each.refund} to go back, {paid_back} did")
    if each.status not in {"refunded", "received"} and paid_back:
        yield Violation(5, f"return {each.id} is {each.status}, {paid_back} went back")


def _money(order: Order, payments: Sequence[Payment]) -> Iterator[Violation]:
    captured = sum(payment.captured for payment in payments)
    refunded = sum(payment.refunded for payment in payments)
    if sum(payment.captured > 0 for payment in payments) > 1:
        yield Violation(2, f"order {order.id} was paid more than once")
    if refunded > captured:
        yield Violation(2, f"order {order.id}: {refunded} refunded of {captured} captured")
    if (order.captured, order.refunded) != (captured, refunded):
        yield Violation(
            2,
            f"order {order.id} knows of {order.captured} captured and {order.refunded} refunded, "
            f"its payment of {captured} and {refunded}",
        )
    if order.status in CAME_TO_NOTHING and captured != refunded:
        yield Violation(2, f"order {order.id} is {order.status}, {captured - refunded} was kept")
    if order.status == "delivered" and captured < order.total:
        yield Violation(2, f"order {order.id}: delivered, {captured} of {order.total} paid")


def _units(stock: Stock) -> Iterator[Violation]:
    if stock.on_hand + stock.sold != stock.put_in:
        yield Violation(
            3,
            f"product {stock.product_id}: {stock.on_hand} on hand + {stock.sold} sold "
            f"!= {stock.put_in} put in",
        )
    if not 0 <= stock.reserved <= stock.on_hand:
        yield Violation(
            3, f"product {stock.product_id}: {stock.reserved} reserved of {stock.on_hand} on hand"
        )
    if stock.held != stock.reserved:
        yield Violation(
            3, f"product {stock.product_id}: {stock.reserved} reserved, {stock.held} held by orders"
        )


def _sold(stock: Stock, *, whole: bool) -> Iterator[Violation]:
    """Compare what is sold with what orders bought; of old ones nothing is kept to compare with."""
    others = stock.sold - (stock.sold_to_orders - stock.put_back)
    if others < 0 or (others and whole):
        yield Violation(
            3,
            f"product {stock.product_id}: {stock.sold} sold, "
            f"{stock.sold_to_orders} to orders and {stock.put_back} of those back",
        )


async def gather(stores: Stores) -> Snapshot:
    """Read the stores."""
    orders = await stores.rows(
        "order",
        "SELECT id::text, status, coalesce(captured_amount, 0) AS captured, "
        "refunded_amount AS refunded, coalesce(total_amount, 0) AS total, "
        "coalesce(deadline < now(), false) AS overdue, lines FROM orders",
    )
    returns = await stores.rows(
        "order",
        "SELECT id::text, order_id::text, status, refund_amount AS refund, restock, lines "
        "FROM returns",
    )
    paid_back = await stores.rows(
        "payment",
        "SELECT id::text, amount FROM refunds WHERE reason = 'return' AND status = 'succeeded'",
    )
    paid = {row["id"]: row["amount"] for row in paid_back}
    payments = await stores.rows(
        "payment",
        "SELECT coalesce(order_id, superseded_order_id)::text AS order_id, captured, "
        "p.status IN ('action_required', 'failed') AS awaits_customer, "
        "superseded_order_id IS NOT NULL AS superseded, "
        "(SELECT count(*) FROM duplicate_charges d WHERE d.payment_id = p.id "
        "AND d.status <> 'succeeded') AS second_charges, "
        "coalesce(sum(r.amount) FILTER (WHERE r.status = 'succeeded'), 0)::bigint AS refunded, "
        "coalesce(sum(r.amount) FILTER (WHERE r.status = 'succeeded' AND r.automatic), 0)::bigint "
        "AS compensated FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id GROUP BY p.id",
    )
    shipments = await stores.rows("shipping", "SELECT order_id::text, status FROM shipments")
    events, heard = await stores.events()
    return Snapshot(
        orders=[Order(**_with_units(row)) for row in orders],
        returns=[Return(**_with_units(row), paid_back=paid.get(row["id"])) for row in returns],
        payments=[Payment(**row) for row in payments],
        stock=[Stock(**unit) for unit in await stores.stock()],
        shipments=[(row["order_id"], row["status"]) for row in shipments],
        every_reservation_kept=await stores.reservations() >= len(orders),
        published=events,
        heard=heard,
        subscriptions=subscriptions(),
        upgraded=stores.upgraded,
    )


def _with_units(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with the units by product in place of its lines, which are JSON."""
    lines = json.loads(row["lines"])
    units = {line["product_id"]: line["quantity"] for line in lines}
    return {**{name: value for name, value in row.items() if name != "lines"}, "units": units}


async def settled(stores: Stores, seconds: float) -> tuple[Snapshot, list[Violation]]:
    """Read until nothing is off or the time is over; return the last snapshot and what is off."""
    until = time.monotonic() + seconds
    while True:
        snapshot = await gather(stores)
        found = list(violations(snapshot))
        if not found or time.monotonic() > until:
            return snapshot, found
        await asyncio.sleep(1)


async def _main(arguments: argparse.Namespace) -> int:
    async with from_cluster(arguments.kubeconfig) as stores:
        snapshot, found = await settled(stores, arguments.settle)
    outcome = Counter(order.status for order in snapshot.orders)
    said = ", ".join(f"{count} {status}" for status, count in outcome.most_common()) or "no orders"
    for violation in found[: arguments.most]:
        print(violation)
    left = len(found) - arguments.most
    if left > 0:
        print(f"and {left} more")
    print(f"{said}; {'all invariants hold' if not found else f'{len(found)} violations'}")
    return bool(found)


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description="Check a running shop's invariants.")
    parser.add_argument("--kubeconfig", type=Path, help="the cluster (default: the current one)")
    parser.add_argument("--settle", type=float, default=0, help="seconds to let things end first")
    parser.add_argument("--most", type=int, default=20, help="violations to print at the most")
    try:
        sys.exit(asyncio.run(_main(parser.parse_args())))
    except ClusterError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
