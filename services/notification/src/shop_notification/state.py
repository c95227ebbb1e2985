"""What the notification service's routes read: wired by main.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_notification.repository.link_keys import LinkKey
from shop_notification.settings import Settings
from shop_shared.http.app_state import state_dependency


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationState:
    """The notification service's state."""

    engine: AsyncEngine
    settings: Settings
    link_key: LinkKey


State = Annotated[NotificationState, Depends(state_dependency(NotificationState))]


async def _engine(state: State) -> AsyncEngine:
    return state.engine


Engine = Annotated[AsyncEngine, Depends(_engine)]
