"""What the notification service's routes read: wired by main.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shop_notification.repository.link_keys import LinkKey
from shop_notification.settings import Settings
from shop_shared.http.app_state import state_dependency
from shop_shared.http.engine_state import EngineState


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationState(EngineState):
    """The notification service's state."""

    settings: Settings
    link_key: LinkKey


State = Annotated[NotificationState, Depends(state_dependency(NotificationState))]
