"""Envoy's configuration, from what is declared; and its files, which it follows while it runs."""
