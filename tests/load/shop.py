"""The shop under test, and how what was measured is told."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shop_journey.customer import Customer
from shop_journey.kubectl import Kubectl

from store_access import Stores

SERVICES = ("user", "auth", "product", "order", "payment", "shipping", "notification", "gateway")


@dataclass(frozen=True)
class Shop:
    """The shop under test, its customers and its products."""

    kubectl: Kubectl
    stores: Stores
    customers: Sequence[Customer]
    products: Sequence[dict[str, Any]]

    def signed_in(self, number: int) -> dict[str, str]:
        """Return the header of a customer's requests, each in turn."""
        customer = self.customers[number % len(self.customers)]
        return {"Authorization": customer.http.headers["Authorization"]}


def say(line: str) -> None:
    """Print, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
