"""Every route of the eight services, as their OpenAPI documents tell of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from contract.bodies import VALID
from contract.services import SERVICES, Member
from shop_shipping import tracking_number

# All that anyone may call; what is neither here nor asks for a token fails a test.
PUBLIC = {
    "user POST /v1/users",
    "user POST /v1/users/password-resets",
    "user POST /v1/users/password-resets/confirm",
    "auth GET /.well-known/jwks.json",
    "auth POST /v1/auth/token",
    "auth POST /v1/auth/refresh",
    "product GET /v1/products",
    "product GET /v1/products/categories",
    "product GET /v1/products/{product_id}",
    "product GET /v1/products/{product_id}/image",
    "product GET /v1/products/{product_id}/images",
    "product GET /v1/products/{product_id}/images/{image_id}",
    "payment GET /v1/payments/methods",
    "payment POST /v1/webhooks/{provider}",
    "shipping GET /v1/track/{number}",
    "notification GET /v1/notifications/unsubscribe/{token}",
    "notification POST /v1/notifications/unsubscribe/{token}",
    "gateway GET /v1/home",
}
WITHOUT_JSON = {
    "user POST /v1/users/{user_id}/suspend",
    "user POST /v1/users/{user_id}/reinstate",
    "auth POST /v1/auth/logout",
    "product POST /v1/products/import",
    "product POST /v1/products/{product_id}/images",
    "order POST /v1/orders/{order_id}/cancel",
    "order POST /v1/returns/{return_id}/approve",
    "payment POST /v1/payments/{payment_id}/settle",
    "payment POST /v1/webhooks/{provider}",
    "notification POST /v1/notifications/{notification_id}/retry",
    "notification POST /v1/notifications/unsubscribe/{token}",
}
ROLES = ("customer", "staff", "admin", "service")


@dataclass(frozen=True)
class Route:
    """A route, who may call it, and what it takes."""

    member: Member
    method: str
    path: str
    has_token: bool
    """Whether its document says that it asks for one."""
    right: str | None
    """What a caller needs: `order:read`."""
    roles: frozenset[str]
    """Those that have the right, as its document says."""
    takes_nothing: bool
    """Whether {} is a body of it."""

    def __str__(self) -> str:
        return f"{self.member} {self.method} {self.path}"

    @property
    def ids(self) -> tuple[str, ...]:
        """Return what its path names: {order_id}."""
        return tuple(part.strip("{}") for part in self.path.split("/") if part.startswith("{"))

    @property
    def writes(self) -> bool:
        """Whether it takes a body."""
        return self.method in {"POST", "PUT", "PATCH"}

    def url(self, **ids: str) -> str:
        """Return its path with these ids, and ids of nothing for the others."""
        made = {
            "provider": "stripe",
            "number": tracking_number.generate(),
            "token": "t",
            "image_id": "0123456789abcdef",
        }
        return self.path.format(**{name: made.get(name, str(uuid4())) for name in self.ids} | ids)

    def request(self, headers: Mapping[str, str], **ids: str) -> dict[str, Any]:
        """Return a well-formed request of it, as httpx takes it."""
        wanted = {"Idempotency-Key": uuid4().hex, "If-Match": '"1"', **headers}
        request: dict[str, Any] = {
            "method": self.method,
            "url": self.url(**ids),
            "headers": wanted,
        }
        if str(self).endswith("/import"):
            wanted["Content-Type"] = "application/x-ndjson"
            request["content"] = orjson.dumps(VALID["product POST /v1/products"])
        elif self.method == "POST" and self.path.endswith("/images"):
            wanted["Content-Type"] = "image/svg+xml"
            request["content"] = VALID["product POST /v1/products"]["image_svg"]
        elif str(self) in VALID:
            request["json"] = VALID[str(self)]
        return request


def _routes() -> list[Route]:
    found = []
    for member in SERVICES.values():
        document = member.openapi
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                content = operation.get("requestBody", {}).get("content", {})
                schema = content.get("application/json", {}).get("schema", {})
                name = schema.get("$ref", "").rpartition("/")[2]
                model = document["components"]["schemas"].get(name, {"required": ["?"]})
                security = operation.get("security", [])
                scopes = [scope for way in security for scope in way.get("bearer", ())]
                found.append(
                    Route(
                        member,
                        method.upper(),
                        path,
                        has_token=any("bearer" in way for way in security),
                        right=next((scope for scope in scopes if ":" in scope), None),
                        roles=frozenset(scope for scope in scopes if ":" not in scope),
                        takes_nothing=not model.get("required"),
                    )
                )
    return found


ROUTES = _routes()
