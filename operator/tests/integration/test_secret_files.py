"""Secrets that `secrets.files` names: a missing one is said, and picked up when it comes."""

from typing import Any

from shop_operator.api.kinds import SECRET
from shop_operator.children.access_secret import encode

from .shop import Shop, eventually

FILES = {"files": [{"name": "stripe_key", "path": "payment-keys/stripe"}]}


async def test_a_missing_secret_is_said_until_it_is_there(shop: Shop) -> None:
    await shop.start()
    await shop.declare("paying", secrets=FILES)
    message = await shop.reason("paying", "SecretsReady", "SecretMissing")
    assert f"{shop.namespace}/payment-keys" in message
    assert "stripe_key" in message
    assert (await shop.condition("paying", "Ready"))["reason"] == "SecretMissing"
    await _write(shop, {"paypal": encode("k")})

    async def names_the_key() -> bool:
        return "key stripe" in (await shop.condition("paying", "SecretsReady"))["message"]

    await eventually(names_the_key)
    assert (await shop.condition("paying", "SecretsReady"))["reason"] == "SecretMissing"
    await _write(shop, {"stripe": encode("k")})
    await shop.reason("paying", "SecretsReady", "Available", seconds=60)


async def test_what_vault_brings_is_left_to_vault(shop: Shop) -> None:
    await shop.start()
    path = {"files": [{"name": "stripe", "path": "secret/data/shop/payment"}]}
    await shop.declare("vaulted", secrets={"provider": "vault", "role": "vaulted", **path})
    await shop.reason("vaulted", "SecretsReady", "LeftToVault")


async def _write(shop: Shop, data: dict[str, Any]) -> None:
    metadata = {"name": "payment-keys", "namespace": shop.namespace}
    body = {"apiVersion": "v1", "kind": SECRET.kind, "metadata": metadata, "data": data}
    await shop.client.apply(body, manager="person")
