"""Words for what the API names by code: states, reasons, ways to pay, problems."""

import re
from collections.abc import Mapping


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "to be translated later"
    """Mark a text for the catalogues."""
    return text


WORDS: Mapping[str, str] = {
    # orders
    "pending": N_("Placed"),
    "reserved": N_("Stock set aside, waiting for payment"),
    "paid": N_("Paid"),
    "cancelling": N_("Being cancelled"),
    "shipped": N_("On its way"),
    "delivered": N_("Delivered"),
    "rejected": N_("Could not be accepted"),
    "cancelled": N_("Cancelled"),
    "expired": N_("Not paid in time"),
    "refunded": N_("Refunded"),
    # payments
    "waiting": N_("Waiting for the stock"),
    "action_required": N_("Waiting for you to pay"),
    "captured": N_("Paid"),
    "failed": N_("Failed"),
    "refunding": N_("Being refunded"),
    "partially_refunded": N_("Refunded in part"),
    "succeeded": N_("Done"),
    # parcels
    "created": N_("Being packed"),
    "dispatched": N_("Handed to the carrier"),
    "in_transit": N_("On its way"),
    "lost": N_("Lost"),
    "refused": N_("Refused"),
    "undeliverable": N_("Could not be delivered"),
    # reasons
    "customer": N_("Cancelled by the customer"),
    "staff": N_("Cancelled by the shop"),
    "payment_failed": N_("The payment failed"),
    "payment_expired": N_("Not paid in time"),
    "amount_mismatch": N_("Another amount was paid"),
    "reservation_timeout": N_("The stock did not answer in time"),
    "delivery_failed": N_("The delivery failed"),
    "out_of_stock": N_("Sold out"),
    "unknown_product": N_("No longer sold"),
    "currency_mismatch": N_("Not sold in this currency"),
    "declined": N_("The bank declined"),
    # ways to pay
    "stripe": "Stripe",
    "paypal": "PayPal",
    "xendit": "Xendit",
    "midtrans": "Midtrans",
    "card": N_("Card"),
    "invoice": N_("Invoice"),
    "virtual_account": N_("Virtual account"),
    "ewallet": N_("E-wallet"),
    "gopay": "GoPay",
    "qris": "QRIS",
    "bank_transfer": N_("Bank transfer"),
    # people
    "active": N_("Active"),
    "suspended": N_("Suspended"),
    "deleted": N_("Deleted"),
    # messages
    "email": N_("E-mail"),
    "sms": "SMS",
    "push": N_("Push message"),
    "account": N_("Account"),
    "orders": N_("Orders"),
    "payments": N_("Payments"),
    "shipping": N_("Shipping"),
    "security": N_("Security"),
    "queued": N_("Queued"),
    "sending": N_("Being sent"),
    "retrying": N_("To be tried again"),
    "sent": N_("Sent"),
    "parked": N_("Parked"),
    "suppressed": N_("Not wanted"),
    # goods on their way back
    "requested": N_("Asked for"),
    "approved": N_("Approved, to be sent"),
    "refund_failed": N_("The money could not be given back"),
    "not_as_described": N_("Not as described"),
    "wrong_item": N_("The wrong product"),
    "no_longer_wanted": N_("No longer wanted"),
    "other": N_("Another reason"),
    # stock
    "received": N_("Received"),
    "damaged": N_("Damaged"),
    "found": N_("Found"),
    "returned": N_("Returned"),
    "correction": N_("Correction"),
    # categories of the development catalogue
    "bedroom": N_("Bedroom"),
    "clothing": N_("Clothing"),
    "electronics": N_("Electronics"),
    "furniture": N_("Furniture"),
    "garden": N_("Garden"),
    "kitchen": N_("Kitchen"),
    "lighting": N_("Lighting"),
    "living": N_("Living"),
    "stationery": N_("Stationery"),
    "travel": N_("Travel"),
}

API_UNREACHABLE = "api_unreachable"
"""The storefront's own code, beside the API's."""

PROBLEMS: Mapping[str, str] = {
    API_UNREACHABLE: N_("The shop does not answer at the moment. Try again in a few seconds."),
    "unavailable": N_(
        "A part of the shop is not available at the moment. Try again in a few seconds."
    ),
    "too_many_requests": N_("Too many requests. Wait a little, then try again."),
    "precondition_failed": N_("It was changed meanwhile. This is how it is now; try again."),
    "order_not_cancellable": N_("The order can no longer be cancelled: it has left."),
    "order_not_awaiting_payment": N_("The order no longer waits for a payment."),
    "return_not_possible": N_(
        "This cannot be sent back: its time is over, or it is on its way back already."
    ),
    "return_decided": N_("The return was decided meanwhile. This is how it is now."),
    "gateway_timeout": N_("The shop took too long. Try again in a few seconds."),
    "account_suspended": N_("This account is suspended."),
    "address_book_full": N_("The address book is full. Remove an address first."),
    "address_locked": N_(
        "The address can no longer be changed: the parcel has left, or the order has ended."
    ),
    "code_invalid": N_("The code is not valid. It may have been used, or be too old."),
    "invalid_credentials": N_("The e-mail address or the password is not right."),
    "invalid_grant": N_("The e-mail address or the password is not right."),
    "last_administrator": N_("This is the last administrator. Make somebody else one first."),
    "not_parked": N_("The message is not parked any more."),
    "nothing_to_settle": N_("No other amount was paid by this."),
    "nothing_to_verify": N_("There is nothing to verify."),
    "own_account": N_("Nobody changes this of their own account. Ask another administrator."),
    "refund_refused": N_(
        "This cannot be refunded: it is more than what is left, or in another currency."
    ),
    "request_in_progress": N_("The same is being done already. Wait a little, then look again."),
    "same_email": N_("This is the account's e-mail address already."),
    "shipment_exists": N_("The order has a parcel already. Change that one."),
    "sku_taken": N_("Another product has this SKU."),
    "stock_reserved": N_("Orders have reserved more units than that."),
    "too_many_devices": N_("This account has too many devices. Remove one first."),
    "too_many_images": N_("The product has as many pictures as it may. Remove one first."),
    "too_many_units": N_("That is more than a product may have on hand."),
    "unreachable": N_("Nobody is known there, or they take no such messages."),
    "wrong_password": N_("The current password is wrong."),
    "payload_too_large": N_("That is too large"),
    "unsupported_media_type": N_("Files of this kind are not taken."),
    "not_found": N_("It may have been removed, or it belongs to somebody else."),
    "forbidden": N_("You may not do this."),
    "bad_request": N_("This request is not understood"),
    "bad_gateway": N_(
        "A part of the shop is not available at the moment. Try again in a few seconds."
    ),
    "internal_error": N_("Something went wrong in the shop. Try again; if it stays so, tell us."),
}
"""What people are told of a problem, by the API's code."""


def of(name: str) -> str:
    """Return the English words for a code; one that is not known is written with spaces."""
    return WORDS.get(name) or name.replace("_", " ").replace("-", " ").capitalize()


_OF_FIELDS: tuple[tuple[str, str], ...] = (
    (r"String should have at least 1 character|Field required", N_("Fill this in.")),
    (
        r"String should have at least (?P<num>\d+) characters",
        N_("It must have at least %(num)s characters."),
    ),
    (
        r"String should have at most (?P<num>\d+) characters?",
        N_("It may have at most %(num)s characters."),
    ),
    (r".*(?:email address|@-sign).*", N_("This is no e-mail address.")),
    (
        r"String should match pattern .*|Input should be .*",
        N_("Fill this in, in the form that is asked for."),
    ),
)


def of_field(message: str) -> tuple[str, dict[str, str]]:
    """Return the English words for what the API says of a field, and what is filled into them."""
    for pattern, text in _OF_FIELDS:
        if found := re.fullmatch(pattern, message):
            return text, found.groupdict()
    return message.removeprefix("Value error, "), {}
