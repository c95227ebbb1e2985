"""The state of a service on PostgreSQL: its engine, for every route that asks for an `Engine`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.http.app_state import get_state


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    """What a service's own state adds to."""

    engine: AsyncEngine


async def _engine(request: Request) -> AsyncEngine:
    return get_state(request.app, EngineState).engine


Engine = Annotated[AsyncEngine, Depends(_engine)]
