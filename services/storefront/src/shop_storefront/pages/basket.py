"""The basket: what is in it, what it costs, whether there is enough of it."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from shop_shared.money import Money
from shop_storefront.api_client import NOT_FOUND, ApiError
from shop_storefront.baskets import MAX_LINES, MAX_QUANTITY, BasketFullError
from shop_storefront.forms import PostedForm
from shop_storefront.money import MoneyJson, price_in
from shop_storefront.redirects import own_path
from shop_storefront.visit import AnyVisit, Visit
from shop_storefront.wording import N_

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the basket. A product that is gone is None, and has no price."""

    product_id: str
    quantity: int
    product: dict[str, Any] | None
    price: MoneyJson | None

    @property
    def can_be_ordered(self) -> bool:
        """True where it is sold, in this currency, and there is enough of it."""
        return (
            self.product is not None
            and self.price is not None
            and self.product["available"] >= self.quantity
        )

    @property
    def total(self) -> MoneyJson | None:
        """The price of all its units."""
        if self.price is None:
            return None
        return {**self.price, "amount": self.price["amount"] * self.quantity}


@dataclass(frozen=True, slots=True)
class Basket:
    """The lines, and what all of them cost in the visitor's currency."""

    lines: tuple[Line, ...]
    currency: str

    @property
    def total(self) -> MoneyJson:
        """The sum of the lines that have a price."""
        total = Money(0, self.currency)
        for line in self.lines:
            if line.total is not None:
                total += Money(line.total["amount"], self.currency)
        return {"amount": total.amount, "currency": total.currency}

    @property
    def can_be_ordered(self) -> bool:
        """True where every line can be, and there is one."""
        return bool(self.lines) and all(line.can_be_ordered for line in self.lines)

    @property
    def quantities(self) -> dict[str, int]:
        """Quantities by product."""
        return {line.product_id: line.quantity for line in self.lines}


async def read_basket(visit: Visit) -> Basket:
    """Return the visitor's basket at the catalogue's prices of now. Raises ApiError."""
    quantities = await visit.state.baskets.read(visit.session)
    products = await asyncio.gather(*(_product(visit, each) for each in quantities))
    lines = tuple(
        Line(
            product_id,
            quantity,
            product,
            price_in(product, visit.currency) if product is not None else None,
        )
        for (product_id, quantity), product in zip(quantities.items(), products, strict=True)
    )
    return Basket(lines, visit.currency)


async def _product(visit: Visit, product_id: str) -> dict[str, Any] | None:
    try:
        product = await visit.get(f"/v1/products/{product_id}")
    except ApiError as error:
        if error.status == NOT_FOUND:
            return None
        raise
    return product if product["active"] else None


@router.get("/basket")
async def show_basket(visit: AnyVisit) -> Response:
    """Show the basket."""
    return await visit.page("basket.html", basket=await read_basket(visit))


@router.post("/basket")
async def add_to_basket(visit: AnyVisit, form: PostedForm) -> Response:
    """Put units of a product into the basket."""
    product_id = _id(form.text("product_id"))
    quantity = form.number("quantity")
    back = own_path(form.text("next") or "/basket")
    if product_id is None or quantity is None or not 1 <= quantity <= MAX_QUANTITY:
        said = visit.say(N_("Enter a quantity from 1 to %(most)s."), most=MAX_QUANTITY)
        return await visit.redirect(back, problem=said)
    product = await visit.get(f"/v1/products/{product_id}")
    try:
        await visit.state.baskets.add(visit.session, product_id, quantity)
    except BasketFullError:
        said = visit.say(N_("A basket holds %(most)s different products."), most=MAX_LINES)
        return await visit.redirect("/basket", problem=said)
    said = visit.say(N_("%(name)s is in your basket."), name=product["name"])
    return await visit.redirect(back, notice=said)


@router.post("/basket/lines")
async def change_basket(visit: AnyVisit, form: PostedForm) -> Response:
    """Change the quantity of lines, or take one out (the button `remove`)."""
    if (removed := _id(form.text("remove"))) is not None:
        await visit.state.baskets.put(visit.session, removed, 0)
        return await visit.redirect("/basket", notice=visit.say(N_("Removed from the basket.")))
    refused = False
    for product_id in await visit.state.baskets.read(visit.session):
        name = f"quantity-{product_id}"
        quantity = form.number(name)
        if quantity is not None and 0 <= quantity <= MAX_QUANTITY:
            await visit.state.baskets.put(visit.session, product_id, quantity)
        elif form.checked(name):
            refused = True
    if refused:
        said = visit.say(N_("Enter a quantity from 0 to %(most)s."), most=MAX_QUANTITY)
        return await visit.redirect("/basket", problem=said)
    return await visit.redirect("/basket", notice=visit.say(N_("The basket is updated.")))


def _id(text: str) -> str | None:
    """Return an id in its one spelling, None for what is none."""
    try:
        return str(UUID(text))
    except ValueError:
        return None
