"""Vault: what it keeps for a ShopService, as declared state."""
