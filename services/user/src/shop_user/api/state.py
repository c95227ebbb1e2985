"""What main.py wired, as dependencies."""

from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_user.passwords import Passwords as PasswordsType


def _engine(request: Request) -> AsyncEngine:
    engine: AsyncEngine = request.app.state.engine
    return engine


def _passwords(request: Request) -> PasswordsType:
    passwords: PasswordsType = request.app.state.passwords
    return passwords


Engine = Annotated[AsyncEngine, Depends(_engine)]
Passwords = Annotated[PasswordsType, Depends(_passwords)]
