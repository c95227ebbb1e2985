"""Shipments, tracking."""
