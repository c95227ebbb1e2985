"""What the user service's routes read: wired by main.py."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shop_shared.http.app_state import state_dependency
from shop_shared.http.engine_state import EngineState
from shop_user.passwords import Passwords as PasswordHasher


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState(EngineState):
    """The user service's state: its database and its password hasher."""

    passwords: PasswordHasher


State = Annotated[UserState, Depends(state_dependency(UserState))]


async def _passwords(state: State) -> PasswordHasher:
    return state.passwords


Passwords = Annotated[PasswordHasher, Depends(_passwords)]
