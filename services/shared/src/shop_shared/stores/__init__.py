"""Clients of PostgreSQL, MongoDB and Redis, with migrations and retention."""
