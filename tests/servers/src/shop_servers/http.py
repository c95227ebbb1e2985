"""Clients of the servers under test."""

import ssl
from typing import Any

import httpx

PATIENCE_SECONDS = 60.0
"""For an answer, on a busy machine."""
_TLS = ssl.create_default_context()


def client_of(url: str, **options: Any) -> httpx.Client:
    """Return a client of a server here, to be closed.

    All share one TLS context, which no plain server needs and which takes longer than a request.
    """
    return httpx.Client(base_url=url, timeout=PATIENCE_SECONDS, verify=_TLS, **options)
