"""Catalogue, inventory, reservations."""
