"""Tokens, sessions, policies."""
