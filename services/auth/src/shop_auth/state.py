"""What the auth service's routes read: wired by main.py."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from shop_auth.key_source import KeySource
from shop_auth.service import Auth as AuthService
from shop_shared.http.app_state import state_dependency


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthState:
    """The auth service's state: what it does, and its signing keys."""

    auth: AuthService
    keys: KeySource


State = Annotated[AuthState, Depends(state_dependency(AuthState))]


async def _auth(state: State) -> AuthService:
    return state.auth


async def _keys(state: State) -> KeySource:
    return state.keys


Auth = Annotated[AuthService, Depends(_auth)]
Keys = Annotated[KeySource, Depends(_keys)]
