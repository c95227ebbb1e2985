"""One resource of each kind that a path can name, made for its owner as the shop makes it."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

import httpx

from contract.bodies import VALID
from contract.services import SERVICES, consumer_of
from contract.shop import Shop
from shop_shared.ids import uuid7
from shop_shared.stores.postgres import create_engine, transaction
from shop_shared.testing import heard

PASSWORD = "correct horse 1"


class OwnedResources:
    """An owner, whose resources they are, and a stranger: two accounts, signed in."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.owner, self.owner_id = self._account()
        self.stranger, self.stranger_id = self._account()

    def token_of(self, email: str, *roles: str) -> dict[str, str]:
        """Return a token of one of the two, with other roles than the customer's if told."""
        user_id = self.owner_id if email == self.owner else self.stranger_id
        return self.shop.headers(user_id, *roles)

    @cached_property
    def staff(self) -> dict[str, str]:
        """A token of staff."""
        return self.shop.headers(uuid4(), "staff", "admin")

    def sign_in(self, email: str) -> dict[str, Any]:
        """Sign in with the password, and return the tokens."""
        grant = {"grant_type": "password", "email": email, "password": PASSWORD}
        return self.call("auth", "POST", "/v1/auth/token", {}, grant)

    def call(
        self, service: str, method: str, path: str, headers: Mapping[str, str], body: object = None
    ) -> dict[str, Any]:
        """Ask a service, which says yes, and return its answer."""
        with self.shop.client(service) as client:
            answer = client.request(
                method, path, json=body, headers={"Idempotency-Key": uuid4().hex, **headers}
            )
        assert answer.is_success, answer.text
        content: dict[str, Any] = answer.json() if answer.content else {}
        return content

    def post(self, service: str, path: str, headers: Mapping[str, str], **changes: object) -> str:
        """Make a thing of a valid body with changes, and return its id."""
        body = VALID[f"{service} POST {path}"] | changes
        return str(self.call(service, "POST", path, headers, body)["id"])

    def hear(self, service: str, name: str, /, **data: object) -> None:
        """Let a service's consumer hear an event."""
        member = SERVICES[service]
        settings = self.shop.stores.settings(member)
        event = heard(name, "key", data)

        async def handle() -> None:
            engine = create_engine(settings)
            made = member.create(settings)
            async with transaction(engine) as connection:
                await consumer_of(made)["handlers"][event.type](connection, event)
            for close in (engine.dispose, *made.close):
                await close()

        # In a thread, because a test's own event loop belongs to this one.
        with ThreadPoolExecutor(max_workers=1) as pool:
            pool.submit(asyncio.run, handle()).result()

    def deliver(
        self, about: dict[str, str], line: dict[str, object], *, each: int, total: int
    ) -> None:
        """Let order hear that an order was reserved, paid and delivered; amounts in US cents."""
        price, paid = ({"amount": amount, "currency": "USD"} for amount in (each, total))
        self.hear(
            "order",
            "inventory.reserved",
            **about,
            lines=[{**line, "unit_price": price}],
            total=paid,
            reserved_until="2999-01-01T00:00:00Z",
        )
        self.hear("order", "payment.captured", **about, amount=paid)
        self.hear("order", "shipment.delivered", **about)

    def _account(self) -> tuple[str, UUID]:
        email = f"{uuid4().hex}@example.com"
        self.call("user", "POST", "/v1/users", {}, VALID["user POST /v1/users"] | {"email": email})
        staff = self.shop.headers(uuid4(), "staff")
        query = httpx.QueryParams(email=email)
        [account] = self.call("user", "GET", f"/v1/users?{query}", staff)["items"]
        return email, UUID(account["id"])


def make(name: str, owned: OwnedResources) -> str:
    """Make what {name} of a path stands for, the owner's, and return its id."""
    assert name in _MAKERS, f"nothing here makes a {name}: add it, so that its routes are tried"
    return _MAKERS[name](owned)


def _user(owned: OwnedResources) -> str:
    return str(owned.owner_id)


def _address(owned: OwnedResources) -> str:
    return owned.post("user", "/v1/users/me/addresses", owned.token_of(owned.owner))


def _session(owned: OwnedResources) -> str:
    return str(owned.sign_in(owned.owner)["session_id"])


def _product(owned: OwnedResources) -> str:
    return owned.post("product", "/v1/products", owned.staff, sku=f"MUG-{uuid4().hex[:12].upper()}")


def _image(owned: OwnedResources) -> str:
    path = f"/v1/products/{_product(owned)}"
    return str(owned.call("product", "GET", path, owned.staff)["images"][0]["id"])


def _order(owned: OwnedResources) -> str:
    return owned.post("order", "/v1/orders", owned.token_of(owned.owner))


def _return(owned: OwnedResources) -> str:
    order_id = _order(owned)
    about = {"order_id": order_id, "customer_id": str(owned.owner_id)}
    product_id = VALID["order POST /v1/orders"]["items"][0]["product_id"]
    line = {"product_id": product_id, "quantity": 2, "sku": "MUG-1", "name": "Mug"}
    owned.deliver(about, line, each=999, total=1998)
    path = f"/v1/orders/{order_id}/returns"
    made = owned.call("order", "POST", path, owned.token_of(owned.owner), {"reason": "other"})
    return str(made["id"])


def _payment(owned: OwnedResources) -> str:
    about = {"order_id": str(uuid7()), "customer_id": str(owned.owner_id)}
    payment = VALID["order POST /v1/orders"]["payment"]
    total = {"amount": 1999, "currency": "USD"}
    owned.hear("payment", "order.placed", **about, payment=payment)
    owned.hear("payment", "inventory.reserved", **about, total=total)
    path = f"/v1/payments?order_id={about['order_id']}"
    [listed] = owned.call("payment", "GET", path, owned.token_of(owned.owner))["items"]
    return str(listed["id"])


def _shipment(owned: OwnedResources) -> str:
    ids = {"order_id": str(uuid7()), "customer_id": str(owned.owner_id)}
    return owned.post("shipping", "/v1/shipments", owned.staff, **ids)


def _notification(owned: OwnedResources) -> str:
    user_id = str(owned.owner_id)
    owned.hear("notification", "user.updated", user_id=user_id, email=owned.owner, name="Ada")
    return owned.post("notification", "/v1/notifications", owned.staff, user_id=user_id)


def _device(owned: OwnedResources) -> str:
    route = "notification PUT /v1/notifications/devices/{device_id}"
    device_id = str(uuid4())
    path = f"/v1/notifications/devices/{device_id}"
    body = VALID[route] | {"token": uuid4().hex}
    owned.call("notification", "PUT", path, owned.token_of(owned.owner), body)
    return device_id


_MAKERS: Mapping[str, Callable[[OwnedResources], str]] = {
    "user_id": _user,
    "address_id": _address,
    "session_id": _session,
    "product_id": _product,
    "image_id": _image,
    "order_id": _order,
    "payment_id": _payment,
    "return_id": _return,
    "shipment_id": _shipment,
    "notification_id": _notification,
    "device_id": _device,
}
