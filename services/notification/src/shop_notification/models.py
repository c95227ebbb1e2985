"""The data of notifications as it is sent and received."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any, Literal, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from shop_notification.plans import (
    PUSH_BYTES,
    SMS_CHARACTERS,
    Category,
    Channel,
    OnRequest,
)
from shop_shared.models import Line, ResponseModel, StrictModel, in_one_line

Status = Literal[
    "waiting", "pending", "queued", "sending", "retrying", "sent", "parked", "suppressed"
]
Switchable = Literal["account", "orders", "payments", "shipping"]


_NOBODYS_ZONES = frozenset({"Factory", "localtime"})
"""Files beside the zones: of a computer whose zone is not set, and of the one that this runs on."""


def _zone(name: str) -> str:
    if name not in available_timezones() - _NOBODYS_ZONES:
        raise ValueError("not a time zone of the IANA database")
    return name


_TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?$"
# JSON Schema's own format "time" is one of a zone.
TimeOfDay = Annotated[
    time,
    WithJsonSchema({"type": "string", "pattern": _TIME_OF_DAY}),
]


class QuietHours(StrictModel):
    """When only what is urgent may ring: from one time of day until another."""

    start: TimeOfDay = Field(examples=["22:00"])
    end: TimeOfDay = Field(examples=["07:00"])
    timezone: Annotated[
        str, Field(max_length=60, examples=["Europe/Berlin"]), AfterValidator(_zone)
    ]

    @model_validator(mode="after")
    def _some_of_the_day(self) -> Self:
        if self.start == self.end or self.start.tzinfo or self.end.tzinfo:
            raise ValueError("two different times of day, without a zone of their own")
        return self


class Preferences(StrictModel):
    """Which channels are off, by category; security can't be switched off."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "off": {"shipping": ["push"]},
                    "quiet_hours": {
                        "start": "22:00",
                        "end": "07:00",
                        "timezone": "Europe/Berlin",
                    },
                }
            ]
        }
    )

    off: dict[Switchable, frozenset[Channel]] = Field(default_factory=dict)
    also: frozenset[OnRequest] = Field(
        frozenset(),
        description="Further mails: an order is confirmed, on its way and delivered without these",
    )
    quiet_hours: QuietHours | None = None


class RegisterDevice(StrictModel):
    """A device that takes push messages."""

    token: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,4096}$")]
    platform: Literal["android", "ios", "web"]


class Device(ResponseModel):
    """A device that takes push messages."""

    id: UUID
    platform: str


class Devices(ResponseModel):
    """Somebody's devices."""

    items: tuple[Device, ...]


class CreateNotification(StrictModel):
    """A message of the staff's to a customer."""

    user_id: UUID
    channel: Channel
    subject: Line
    text: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=5000),
        Field(
            description=f"At most {SMS_CHARACTERS} characters by SMS, and with the subject "
            f"{PUSH_BYTES} bytes by push"
        ),
    ]

    @field_validator("text")
    @classmethod
    def _fits_its_channel(cls, text: str, info: ValidationInfo) -> str:
        """Refuse what would be cut off, or refused when it is sent: too long, or blank."""
        if not in_one_line(text):
            raise ValueError("must have a character that can be seen")
        channel, subject = info.data.get("channel"), info.data.get("subject", "")
        if channel == "sms" and len(text.encode("utf-16-le")) > 2 * SMS_CHARACTERS:
            raise ValueError(f"an SMS has at most {SMS_CHARACTERS} characters")
        if channel == "push" and len(f"{subject}{text}".encode()) > PUSH_BYTES:
            raise ValueError(f"a push message has at most {PUSH_BYTES} bytes with its subject")
        return text


class Notification(ResponseModel):
    """A message and what became of it."""

    id: UUID
    user_id: UUID
    order_id: UUID | None = Field(description="The order that it is about, if it is about one")
    channel: Channel
    category: Category
    template: str
    status: Status
    attempts: int
    due_at: datetime
    created_at: datetime
    updated_at: datetime


class Attempt(ResponseModel):
    """One try to send a message."""

    number: int
    at: datetime
    outcome: str
    detail: str | None = Field(None, description="For staff")


class NotificationDetail(Notification):
    """A message, what it says, and every attempt to send it."""

    subject: str | None = Field(description="Null for security messages and erased ones")
    text: str | None
    history: tuple[Attempt, ...]


class Contact(ResponseModel):
    """How a person is reached."""

    name: str
    locale: str
    email: str | None
    phone: str | None


class RegisteredDevice(Device):
    """A device with its push token."""

    token: str


class WrittenMessage(Notification):
    """A message and what it says."""

    subject: str | None
    text: str | None


class Export(ResponseModel):
    """All personal data that this service holds about a person."""

    exported_at: datetime
    contact: Contact | None
    preferences: Preferences
    devices: tuple[RegisteredDevice, ...]
    messages: tuple[WrittenMessage, ...]


def view(row: Any) -> Notification:  # noqa: ANN401 - a row's shape is its query's
    """Return what its recipient sees of a message."""
    return Notification.model_validate(row)
