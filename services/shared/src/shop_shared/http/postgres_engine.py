"""The PostgreSQL engine that main.py made, as a dependency of routes."""

from typing import Annotated

from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.http.app_state import wired

Engine = Annotated[AsyncEngine, wired("engine")]
"""FastAPI dependency: the engine that main.py made."""
