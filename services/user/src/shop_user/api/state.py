"""What main.py wired, as dependencies."""

from typing import Annotated

from shop_shared.http.app_state import wired
from shop_user.passwords import Passwords as PasswordsType

Passwords = Annotated[PasswordsType, wired("passwords")]
