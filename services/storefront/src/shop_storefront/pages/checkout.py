"""The checkout: where to, how to pay, and what it will be."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from starlette.responses import Response

from shop_storefront.api_client import ApiError
from shop_storefront.forms import Form, PostedForm
from shop_storefront.pages.addresses import for_order, read_address
from shop_storefront.pages.basket import Basket, read_basket
from shop_storefront.visit import CustomerVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()
NEW = "new"
IN_PROGRESS = "request_in_progress"
_REFUSED = frozenset((400, 409, 422))
_NEEDS_TOKEN = frozenset((("stripe", "card"), ("midtrans", "card")))
"""Ways to pay for which the provider's own script would read the card in the browser."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to pay, as the form names it: `stripe:card`, or `stripe:card:<token>`."""

    value: str
    provider: str
    method: str
    label: str = ""


@router.get("/checkout")
async def show_checkout(visit: CustomerVisit) -> Response:
    """Show what is ordered, and ask where to and how to pay."""
    basket = await read_basket(visit)
    if not basket.lines:
        return await visit.redirect("/basket")
    return await _page(visit, basket, {}, key=str(uuid4()))


@router.post("/checkout")
async def place_order(visit: CustomerVisit, form: PostedForm) -> Response:
    """Place the order. Sent twice, the form places one: its key is the idempotency key."""
    key = form.text("key")
    form_before, _, order_before = (visit.session.placed or "").partition(" ")
    if key and key == form_before:
        return await visit.redirect(f"/orders/{order_before}")
    basket = await read_basket(visit)
    if not basket.can_be_ordered or not key:
        return await visit.redirect(
            "/basket", problem=visit.say(N_("The basket has changed. Please check it."))
        )
    if form.text("currency") != visit.currency:
        return await visit.redirect(
            "/checkout", problem=visit.say(N_("The currency has changed. Please check the prices."))
        )
    if form.text("total") != str(basket.total["amount"]):
        # A price has changed, or the basket in another tab: what was seen is not what is charged.
        said = visit.say(N_("What you order costs another sum than before. Please check it."))
        return await _page(visit, basket, _typed(form), key=key, status=422, problem=said)
    payment = read_way(form)
    body: dict[str, Any] = {
        "items": [
            {"product_id": line.product_id, "quantity": line.quantity} for line in basket.lines
        ],
        "payment": {**payment, "currency": visit.currency},
    }
    try:
        body["shipping_address"] = for_order(await _address(visit, form))
        answer = await visit.call("POST", "/v1/orders", body=body, headers={"Idempotency-Key": key})
    except ApiError as error:
        if error.status not in _REFUSED:
            raise
        chose = bool(payment["provider"])
        problem = visit.explain(error) if chose else visit.say(N_("Choose a payment method."))
        # A new key: the same one with another form would be refused. While this form's order is
        # being placed it stays the same: it leads to that order.
        return await _page(
            visit,
            basket,
            _typed(form),
            key=key if error.code == IN_PROGRESS else str(uuid4()),
            status=422,
            problem=problem,
            errors=visit.by_field(error),
        )
    order_id = answer.data["id"]
    await visit.state.sessions.put(visit.session, placed=f"{key} {order_id}")
    await visit.state.baskets.take_out(visit.session, basket.quantities)
    return await visit.redirect(f"/orders/{order_id}")


async def _address(visit: Visit, form: Form) -> dict[str, Any]:
    """Return the chosen address, or the new one, kept where that was wished. Raises ApiError."""
    chosen = form.text("address")
    if chosen and chosen != NEW:
        book = (await visit.get("/v1/users/me/addresses"))["items"]
        found = next((each for each in book if each["id"] == chosen), None)
        if found is None:
            said = visit.say(N_("The address is no longer in your book."))
            raise ApiError(422, code="unknown_address", detail=said)
        return dict(found)
    address = read_address(form)
    if form.checked("keep_address"):
        await visit.call("POST", "/v1/users/me/addresses", body=address)
    return address


async def ways_to_pay(visit: Visit, currency: str) -> list[Way]:
    """Return the ways to pay in a currency that this shop can offer by itself."""
    found = await visit.get("/v1/payments/methods", {"currency": currency})
    ways: list[Way] = []
    for each in found["items"]:
        provider, method = each["provider"], each["method"]
        if (provider, method) in _NEEDS_TOKEN:
            tokens = visit.state.settings.card_tokens.get(provider, {})
            ways += [
                Way(f"{provider}:{method}:{token}", provider, method, label)
                for token, label in tokens.items()
            ]
        else:
            ways.append(Way(f"{provider}:{method}", provider, method))
    return ways


def read_way(form: Form) -> dict[str, str]:
    """Return the chosen way to pay as the order service takes it, its currency left out."""
    provider, method, token = (*form.text("way").split(":", 2), "", "")[:3]
    return {"provider": provider, "method": method, **({"token": token} if token else {})}


def _typed(form: Form) -> dict[str, Any]:
    return {**form.values(), "keep_address": form.checked("keep_address")}


async def _page(  # noqa: PLR0913 - what is shown, by name
    visit: Visit,
    basket: Basket,
    values: dict[str, Any],
    *,
    key: str,
    status: int = 200,
    problem: str | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    ways, book = await asyncio.gather(
        ways_to_pay(visit, visit.currency), visit.get("/v1/users/me/addresses")
    )
    addresses = sorted(book["items"], key=lambda each: not each["is_default"])
    chosen = values.get("address") or (addresses[0]["id"] if addresses else NEW)
    user = visit.session.user
    return await visit.page(
        "checkout.html",
        status=status,
        basket=basket,
        ways=ways,
        addresses=addresses,
        chosen=chosen,
        values={"name": user.name if user else "", "country": "", **values},
        key=key,
        problem=problem,
        errors=errors or {},
    )
