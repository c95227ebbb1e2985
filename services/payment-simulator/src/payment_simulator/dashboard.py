"""What is done on a provider's dashboard, not through its API: refunds by hand, and disputes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from payment_simulator import midtrans, paypal, stripe, xendit
from payment_simulator.desk import Desk, Document, new_id

Act = Callable[[str], None]


class Dashboard:
    """The dashboards of the four providers: each act is about a charge by its reference."""

    def __init__(self, desks: Mapping[str, Desk], signer: paypal.Signer) -> None:
        self._desks = desks
        self._signer = signer

    def refund(self, provider: str, reference: str) -> None:
        """Refund what is left of a charge. Raises KeyError for one that is not there."""
        acts: dict[str, Act] = {
            "stripe": self._refund_at_stripe,
            "paypal": self._refund_at_paypal,
            "xendit": self._refund_at_xendit,
            "midtrans": self._refund_at_midtrans,
        }
        acts[provider](reference)

    def dispute(self, provider: str, reference: str) -> None:
        """Let the payer's bank dispute a charge. Raises KeyError for one that is not there."""
        acts: dict[str, Act] = {
            "stripe": self._dispute_at_stripe,
            "paypal": self._dispute_at_paypal,
            "xendit": self._dispute_at_xendit,
            "midtrans": self._dispute_at_midtrans,
        }
        acts[provider](reference)

    def _refund_at_stripe(self, reference: str) -> None:
        desk = self._desks["stripe"]
        intent = desk.charges[reference]
        made = [
            refund["amount"]
            for refund in desk.refunds.values()
            if refund["payment_intent"] == reference and refund["status"] != "failed"
        ]
        left = intent["amount_received"] - sum(made)
        form = {"payment_intent": reference, "amount": str(left)}
        stripe.refund_charge(desk, form, declined=False)
        charge = {
            "id": intent["latest_charge"],
            "object": "charge",
            "amount": intent["amount"],
            "amount_refunded": intent["amount_received"],
            "currency": intent["currency"],
            "metadata": intent["metadata"],
            "payment_intent": reference,
            "refunded": True,
        }
        stripe.send(desk, "charge.refunded", charge)

    def _dispute_at_stripe(self, reference: str) -> None:
        desk = self._desks["stripe"]
        intent = desk.charges[reference]
        dispute = {
            "id": new_id("du_"),
            "object": "dispute",
            "amount": intent["amount_received"],
            "charge": intent["latest_charge"],
            "currency": intent["currency"],
            "metadata": {},
            "payment_intent": reference,
            "reason": "fraudulent",
            "status": "needs_response",
        }
        stripe.send(desk, "charge.dispute.created", dispute)

    def _capture(self, reference: str) -> tuple[Document, Document]:
        unit = self._desks["paypal"].charges[reference]["purchase_units"][0]
        return unit, unit["payments"]["captures"][0]

    def _refund_at_paypal(self, reference: str) -> None:
        unit, capture = self._capture(reference)
        amount = {**capture["amount"], "value": str(paypal.left_of(unit["payments"]))}
        wanted = {"amount": amount, "custom_id": unit.get("custom_id")}
        paypal.refund_capture(self._desks["paypal"], self._signer, capture["id"], wanted)

    def _dispute_at_paypal(self, reference: str) -> None:
        desk = self._desks["paypal"]
        unit, capture = self._capture(reference)
        transaction = {"seller_transaction_id": capture["id"], "custom": unit.get("custom_id")}
        dispute = {
            "dispute_id": new_id("PP-D-"),
            "disputed_transactions": [transaction],
            "reason": "UNAUTHORISED",
            "status": "OPEN",
        }
        desk.webhooks.send(paypal.signed(desk, self._signer, "CUSTOMER.DISPUTE.CREATED", dispute))

    def _refund_at_xendit(self, reference: str) -> None:
        desk = self._desks["xendit"]
        invoice = desk.charges[reference]
        xendit.refund_invoice(desk, invoice, {"amount": xendit.left_of(desk, invoice)})

    def _dispute_at_xendit(self, reference: str) -> None:
        desk = self._desks["xendit"]
        event = {"event": "chargeback.created", "data": {"invoice_id": reference}}
        desk.webhooks.send(xendit.signed(desk, event))

    def _refund_at_midtrans(self, reference: str) -> None:
        desk = self._desks["midtrans"]
        transaction = midtrans.find(desk, reference)
        left = int(midtrans.left_of(transaction))
        wanted = {"refund_key": new_id("dashboard-"), "amount": left, "reason": "by hand"}
        midtrans.refund_transaction(transaction, wanted)
        midtrans.notify(desk, transaction)

    def _dispute_at_midtrans(self, reference: str) -> None:
        desk = self._desks["midtrans"]
        transaction = midtrans.find(desk, reference)
        transaction |= {"transaction_status": "chargeback", "status_code": "200"}
        midtrans.notify(desk, transaction)
