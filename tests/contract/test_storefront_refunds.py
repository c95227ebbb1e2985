"""What staff see of an order's money, and book of it; no consumers run here."""

import pytest

from contract.browser import Browser
from contract.owned_resources import OwnedResources
from contract.shop import Shop
from contract.storefront_things import Things, change_row


@pytest.fixture
def order(things: Things) -> str:
    """An order that was paid and has arrived."""
    return things.ids["order_id"]


def test_money_that_went_back_elsewhere_is_booked_and_shown(
    staff_visitor: Browser, order: str
) -> None:
    page = f"/staff/orders/{order}"
    staff_visitor.get(page)
    sent = {name: staff_visitor.field(name) for name in ("payment", "currency", "key")}
    staff_visitor.post(
        f"{page}/refund", amount="2.50", reason="by bank transfer", elsewhere="on", **sent
    )
    assert "The refund is booked." in staff_visitor.page.text
    assert "Refund $2.50 · Done · by bank transfer · not by the provider" in staff_visitor.page.text


def test_a_dispute_and_a_second_charge_are_shown(
    staff_visitor: Browser, shop: Shop, order: str
) -> None:
    assert "Disputed" not in staff_visitor.get(f"/staff/orders/{order}").text
    owned = OwnedResources(shop)
    disputed = "UPDATE payments SET disputed_at = now() WHERE order_id = :id"
    change_row(owned, "payment", disputed, order)
    charged = (
        "INSERT INTO duplicate_charges (id, payment_id, reference, amount, currency, status) "
        "SELECT gen_random_uuid(), id, 'AGAIN-1', 2500, 'USD', 'failed' "
        "FROM payments WHERE order_id = :id"
    )
    change_row(owned, "payment", charged, order)
    page = staff_visitor.get(f"/staff/orders/{order}").text
    assert "Disputed at the provider" in page
    assert "Second charge: $25.00 · Failed · <code>AGAIN-1</code>" in page


def test_another_amount_is_settled_once_it_is_sorted_out(
    staff_visitor: Browser, shop: Shop, order: str
) -> None:
    page = f"/staff/orders/{order}"
    button = "It is sorted out with the provider"
    assert button not in staff_visitor.get(page).text
    wrong = (
        "UPDATE payments SET failure_reason = 'amount_mismatch', failure_message = 'another' "
        "WHERE order_id = :id"
    )
    change_row(OwnedResources(shop), "payment", wrong, order)
    assert button in staff_visitor.get(page).text
    staff_visitor.post(f"{page}/settle", payment=staff_visitor.field("payment"))
    assert "The payment is settled." in staff_visitor.page.text
    assert "Settled with the provider" in staff_visitor.page.text
    assert button not in staff_visitor.page.text
