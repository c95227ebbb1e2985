"""What the user service's routes read: wired by main.py."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.http.app_state import state_dependency
from shop_user.passwords import Passwords as PasswordHasher


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState:
    """The user service's state: its database and its password hasher."""

    engine: AsyncEngine
    passwords: PasswordHasher


State = Annotated[UserState, Depends(state_dependency(UserState))]


async def _engine(state: State) -> AsyncEngine:
    return state.engine


async def _passwords(state: State) -> PasswordHasher:
    return state.passwords


Engine = Annotated[AsyncEngine, Depends(_engine)]
Passwords = Annotated[PasswordHasher, Depends(_passwords)]
