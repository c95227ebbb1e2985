"""What Midtrans refuses of a charge, and how it says so.

| rule | source |
|---|---|
| required `payment_type`, `transaction_details` with `order_id` (50 characters) and `gross_amount` | https://docs.midtrans.com/reference/charge-transactions-1 |
| rupiah only, whole, 1 at the least, 12 digits at the most | the same page |
| a card needs `credit_card.token_id`: 411 | https://docs.midtrans.com/reference/code-4xx |
| QRIS takes Rp10,000,000 at the most, Bank Indonesia's limit | https://docs.midtrans.com/reference/qris |
| GoPay: what a verified wallet can hold, Rp20,000,000 | https://docs.midtrans.com/reference/gopay |
| 400, 402, 406 and the rest | https://docs.midtrans.com/reference/code-4xx |
"""  # noqa: E501 - a row of a table is a line

from __future__ import annotations

from typing import Any

PAYMENT_TYPES = frozenset({"credit_card", "gopay", "qris", "shopeepay", "bank_transfer"})
MOST = {"qris": 10_000_000, "gopay": 20_000_000, "shopeepay": 20_000_000}
MOST_ELSEWHERE = 999_999_999_999
BANKS = frozenset({"bca", "bni", "bri", "permata", "cimb"})
_MAX_ORDER_ID = 50


def refuse_charge(wanted: Any) -> tuple[str, list[str]] | None:  # noqa: ANN401, PLR0911 - any JSON
    """Return the status code and the validation messages of a refused charge, or None."""
    if not isinstance(wanted, dict):
        return "413", []
    kind, details = wanted.get("payment_type"), wanted.get("transaction_details")
    if kind not in PAYMENT_TYPES:
        return "400", ["payment_type is required and must be one that is supported"]
    if not isinstance(details, dict):
        return "400", ["transaction_details is required"]
    wrong = _details(details, kind)
    if wrong:
        return "400", wrong
    if kind == "credit_card" and not (wanted.get("credit_card") or {}).get("token_id"):
        return "411", ["credit_card.token_id is required"]
    if kind == "bank_transfer" and (wanted.get("bank_transfer") or {}).get("bank") not in BANKS:
        return "400", ["bank_transfer.bank is required and must be one that is supported"]
    return None


def _details(details: dict[str, Any], kind: str) -> list[str]:
    order_id, amount = details.get("order_id"), details.get("gross_amount")
    if not isinstance(order_id, str) or not 0 < len(order_id) <= _MAX_ORDER_ID:
        return [f"transaction_details.order_id is required, {_MAX_ORDER_ID} characters at most"]
    if isinstance(amount, bool) or not isinstance(amount, int):
        return ["transaction_details.gross_amount is required and must be whole rupiah"]
    if amount < 1:
        return ["transaction_details.gross_amount must be greater than or equal to 1"]
    most = MOST.get(kind, MOST_ELSEWHERE)
    if amount > most:
        return [f"transaction_details.gross_amount must be less than or equal to {most}"]
    return []
