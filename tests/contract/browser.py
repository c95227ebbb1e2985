"""A visitor of the storefront without JavaScript, and what the tests of its pages start from."""

import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from contract.shop import Shop

PASSWORD = "correct horse battery"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Browser:
    """A visitor without JavaScript: keeps cookies, follows redirects, sends the page's token."""

    http: httpx.Client
    page: httpx.Response = field(init=False)

    def get(self, path: str) -> httpx.Response:
        self.page = self.http.get(path)
        return self.page

    def post(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form with the token of the page that was opened last."""
        found = _CSRF.search(self.page.text)
        assert found, self.page.text
        self.page = self.http.post(path, data={"csrf": found[1], **fields})
        return self.page

    def sign_up(self) -> str:
        """Open an account and return its address."""
        email = f"ada-{secrets.token_hex(6)}@example.com"
        self.get("/sign-up")
        answer = self.post("/sign-up", name="Ada", email=email, password=PASSWORD)
        assert answer.url.path == "/account/verify", answer.text
        return email

    def sign_in(self, email: str) -> httpx.Response:
        self.get("/sign-in")
        return self.post("/sign-in", email=email, password=PASSWORD)

    @property
    def cookie(self) -> str:
        return self.http.cookies["minishop_session"]

    def field(self, name: str) -> str:
        """Return a hidden field of the page."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page.text)
        assert found, self.page.text
        return found[1].replace("&#34;", '"')


def make_product(shop: Shop, **changes: Any) -> dict[str, Any]:
    body = {
        "sku": f"T-{secrets.token_hex(6)}",
        "name": "A mug",
        "category": "kitchen",
        "price": {"amount": 1250, "currency": "USD"},
        "initial_stock": 3,
    }
    with shop.client("gateway") as api:
        answer = api.post(
            "/v1/products", json={**body, **changes}, headers=shop.headers(uuid4(), "staff")
        )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made
