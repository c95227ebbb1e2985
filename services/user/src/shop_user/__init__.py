"""Accounts, profiles, addresses, verification."""
