"""A body that each writing route takes, to be spoiled."""

from collections.abc import Mapping
from typing import Any

from shop_shared.addresses import EXAMPLE

_ID = "01989f6a-0000-7000-8000-000000000001"
_PASSWORD = "correct horse 1"
_ADDRESS = {**EXAMPLE, "phone": "+442079460000"}
_BOOK_ADDRESS = {**_ADDRESS, "label": "home", "is_default": True}
_PRICE = {"amount": 1499, "currency": "USD"}

VALID: Mapping[str, dict[str, Any]] = {
    "user POST /v1/users": {
        "email": "ada@example.com",
        "password": _PASSWORD,
        "name": "Ada Lovelace",
        "locale": "en",
    },
    "user PATCH /v1/users/me": {"name": "Ada King", "locale": "en", "phone": "+442079460000"},
    "user POST /v1/users/me/verifications": {"channel": "email"},
    "user POST /v1/users/me/verifications/confirm": {"channel": "email", "code": "123456"},
    "user POST /v1/users/me/password": {
        "current_password": _PASSWORD,
        "new_password": "correct horse 2",
    },
    "user POST /v1/users/me/email": {
        "new_email": "ada.king@example.com",
        "current_password": _PASSWORD,
    },
    "user POST /v1/users/me/email/confirm": {"code": "123456"},
    "user POST /internal/v1/credentials:changed": {"email": "ada@example.com"},
    "user POST /v1/users/password-resets": {"email": "ada@example.com"},
    "user POST /v1/users/password-resets/confirm": {
        "email": "ada@example.com",
        "code": "123456",
        "new_password": _PASSWORD,
    },
    "user POST /v1/users/me/addresses": _BOOK_ADDRESS,
    "user PUT /v1/users/me/addresses/{address_id}": _BOOK_ADDRESS,
    "user PUT /v1/users/{user_id}/roles": {"roles": ["customer", "staff"]},
    "user POST /internal/v1/credentials:verify": {
        "email": "ada@example.com",
        "password": _PASSWORD,
    },
    "auth POST /v1/auth/token": {
        "grant_type": "password",
        "email": "ada@example.com",
        "password": _PASSWORD,
    },
    "auth POST /v1/auth/refresh": {"refresh_token": "opaque"},
    "auth POST /v1/auth/introspect": {"token": "a.b.c"},
    "auth POST /v1/auth/authorize": {
        "subject": {"id": _ID, "roles": ["customer"]},
        "action": "read",
        "resource": {"type": "order", "id": _ID, "owner_id": _ID},
    },
    "product POST /v1/products": {
        "sku": "MUG-BLUE-350",
        "name": "Blue mug",
        "description": "Stoneware.",
        "category": "kitchen",
        "brand": "Claywork",
        "tags": ["mug"],
        "price": _PRICE,
        "other_prices": [{"amount": 1399, "currency": "EUR"}],
        "attributes": {"colour": "blue"},
        "active": True,
        "image_svg": "<svg ></svg>",
        "initial_stock": 40,
        "low_stock_threshold": 5,
    },
    "product PATCH /v1/products/{product_id}": {
        "name": "Green mug",
        "tags": ["mug"],
        "price": _PRICE,
        "attributes": {"colour": "green"},
        "active": False,
    },
    "product PUT /v1/products/{product_id}/inventory": {"on_hand": 3, "low_stock_threshold": 1},
    "product POST /v1/products/{product_id}/inventory/adjustments": {
        "delta": 24,
        "reason": "received",
        "note": "PO 1042",
    },
    "product PUT /v1/products/{product_id}/images": {"ids": ["0123456789abcdef"]},
    "product PATCH /v1/products/{product_id}/images/{image_id}": {"alt": "A blue mug"},
    "order POST /v1/orders": {
        "items": [{"product_id": _ID, "quantity": 2}],
        "shipping_address": _ADDRESS,
        "payment": {
            "provider": "stripe",
            "method": "card",
            "currency": "USD",
            "token": "pm_card_visa",
        },
    },
    "order PATCH /v1/orders/{order_id}": {"shipping_address": _ADDRESS},
    "order POST /v1/orders/{order_id}/payments": {
        "provider": "stripe",
        "method": "card",
        "token": "pm_card_visa",
    },
    "order POST /v1/orders/{order_id}/returns": {
        "items": [{"product_id": _ID, "quantity": 1}],
        "reason": "damaged",
    },
    "order POST /v1/returns/{return_id}/refuse": {"reason": "The seal of the box is broken."},
    "order POST /v1/returns/{return_id}/receive": {"restock": True},
    "payment POST /v1/payments/{payment_id}/refunds": {
        "amount": {"amount": 500, "currency": "USD"},
        "reason": "damaged",
    },
    "shipping POST /v1/shipments": {"order_id": _ID, "customer_id": _ID, "address": _ADDRESS},
    "shipping PATCH /v1/shipments/{shipment_id}": {"address": _ADDRESS},
    "shipping POST /v1/shipments/{shipment_id}/events": {
        "status": "in_transit",
        "at": "2026-01-01T12:00:00Z",
        "location": "Leeds",
    },
    "notification POST /v1/notifications": {
        "user_id": _ID,
        "channel": "email",
        "subject": "About your order",
        "text": "It is on its way.",
    },
    "notification PUT /v1/notifications/preferences": {
        "off": {"shipping": ["push"]},
        "quiet_hours": {"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin"},
    },
    "notification PUT /v1/notifications/devices/{device_id}": {
        "token": "device-token",
        "platform": "ios",
    },
}
