"""Turns a ShopService into everything it needs on Kubernetes, and keeps it so."""
