"""What the user service says happened. Codes travel in events: mail needs them, for ten minutes."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from shop_shared.messaging.events import EventPayload


class UserEvent(EventPayload):
    """Anything about one account."""

    aggregate: ClassVar[str] = "user"

    user_id: UUID


class UserRegistered(UserEvent):
    """An account was opened."""

    type: ClassVar[str] = "minishop.user.registered.v1"

    email: str
    name: str
    locale: str
    version: int
    """The account's, as in every event of what it is: one with an older version came late."""


class VerificationRequested(UserEvent):
    """A code is to be sent."""

    type: ClassVar[str] = "minishop.user.verification_requested.v1"

    channel: Literal["email", "phone"]
    destination: str
    code: str
    expires_at: datetime


class PasswordResetRequested(UserEvent):
    """A code to reset the password is to be sent."""

    type: ClassVar[str] = "minishop.user.password_reset_requested.v1"

    email: str
    code: str
    expires_at: datetime


class UserVerified(UserEvent):
    """The account's owner can be reached there."""

    type: ClassVar[str] = "minishop.user.verified.v1"

    channel: Literal["email", "phone"]


class UserUpdated(UserEvent):
    """The profile changed."""

    type: ClassVar[str] = "minishop.user.updated.v1"

    email: str
    name: str
    phone: str | None
    locale: str
    version: int


class RegistrationRepeated(UserEvent):
    """Somebody tried to open an account, or move theirs, to this account's e-mail address."""

    type: ClassVar[str] = "minishop.user.registration_repeated.v1"

    email: str


class EmailChanged(UserEvent):
    """The account has a new, verified e-mail address."""

    type: ClassVar[str] = "minishop.user.email_changed.v1"

    old_email: str
    new_email: str
    version: int


class PasswordChanged(UserEvent):
    """The password changed: every session but the one that did it ends."""

    type: ClassVar[str] = "minishop.user.password_changed.v1"

    kept_session_id: UUID | None
    version: int
    """The account's from then on: who signed in with it or a later one knows the new password."""


class RolesChanged(UserEvent):
    """The account has other roles now."""

    type: ClassVar[str] = "minishop.user.roles_changed.v1"

    roles: list[str]
    version: int
    """The account's from then on: who signed in with it or a later one has these roles."""


class UserSuspended(UserEvent):
    """The account is locked by the staff."""

    type: ClassVar[str] = "minishop.user.suspended.v1"

    version: int
    """The account's from then on: who signed in with a later one came after it was reinstated."""


class UserReinstated(UserEvent):
    """The account is open again."""

    type: ClassVar[str] = "minishop.user.reinstated.v1"


class UserDeleted(UserEvent):
    """The account and its personal data are gone."""

    type: ClassVar[str] = "minishop.user.deleted.v1"


PUBLISHED: tuple[type[EventPayload], ...] = (
    UserRegistered,
    VerificationRequested,
    PasswordResetRequested,
    UserVerified,
    UserUpdated,
    RegistrationRepeated,
    EmailChanged,
    PasswordChanged,
    RolesChanged,
    UserSuspended,
    UserReinstated,
    UserDeleted,
)
