"""Requests and answers of the user API."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from shop_shared.addresses import EXAMPLE, Country, require_postal_code
from shop_shared.emails import Email
from shop_shared.models import OneLine, PhoneNumber, ResponseModel, StrictModel

Role = Literal["customer", "staff", "admin"]
Status = Literal["active", "suspended", "deleted"]
Channel = Literal["email", "phone"]

ABSENT: Any = None
"""The default of a patch's fields: never validated, so that a null that was sent is refused."""


Password = Annotated[
    str,
    StringConstraints(min_length=10, max_length=256),
    Field(description="Ten characters or more (NIST SP 800-63B: length counts, not symbols)."),
]
AnyPassword = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), OneLine
]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), OneLine
]
NoLine = BeforeValidator(
    lambda value: "" if value is None else value, json_schema_input_type=str | None
)
"""Takes null for an empty line: an order's address has null where this book has ""."""
OptionalLine = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=120), OneLine, NoLine
]
PostalCode = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=20), OneLine, NoLine
]


class Registration(StrictModel):
    """A new account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "email": "ada@example.com",
                    "password": "correct horse 1",
                    "name": "Ada Lovelace",
                    "locale": "en",
                }
            ]
        }
    )

    email: Email
    password: Password
    name: Name
    locale: Locale = "en"


class Accepted(ResponseModel):
    """The same words whatever was found, so that they tell nothing."""

    status: Literal["accepted"] = "accepted"
    message: str


class User(ResponseModel):
    """An account as its owner and the staff see it."""

    id: UUID
    email: str | None
    name: str | None
    phone: str | None
    locale: str
    roles: list[Role]
    status: Status
    email_verified_at: datetime | None
    phone_verified_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class ProfilePatch(StrictModel):
    """What changes; a field left out stays. Only the phone can be null: it is taken away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ada King"}]})

    name: Name = Field(default=ABSENT)
    locale: Locale = Field(default=ABSENT)
    phone: PhoneNumber | None = None


class AddressWrite(StrictModel):
    """Where parcels go."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"label": "home", **EXAMPLE, "is_default": True}]}
    )

    label: OptionalLine = ""
    name: Name
    line1: Line
    line2: OptionalLine = ""
    city: Line
    region: OptionalLine = ""
    postal_code: PostalCode = Field("", description="Empty where the country has none")
    country: Country
    phone: PhoneNumber | None = None
    is_default: bool = Field(default=False, strict=True)

    @model_validator(mode="after")
    def _has_its_postal_code(self) -> Self:
        require_postal_code(self.country, self.postal_code)
        return self


class Address(ResponseModel):
    """An address in the account's book."""

    id: UUID
    label: str
    name: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str | None
    is_default: bool
    version: int
    created_at: datetime
    updated_at: datetime


class Addresses(ResponseModel):
    """The account's whole book."""

    items: list[Address]


class VerificationRequest(StrictModel):
    """Send a code to the account's e-mail or phone."""

    channel: Channel


class VerificationConfirm(StrictModel):
    """The code that came."""

    channel: Channel
    code: Code


class PasswordChange(StrictModel):
    """A new password, vouched for by the present one."""

    current_password: AnyPassword
    new_password: Password


class PasswordResetRequest(StrictModel):
    """Send a code to reset the password of this account, should it exist."""

    email: Email


class PasswordReset(StrictModel):
    """A new password, vouched for by the code from the mail."""

    email: Email
    code: Code
    new_password: Password


class EmailChange(StrictModel):
    """The account's new e-mail address, vouched for by the password."""

    new_email: Email
    current_password: AnyPassword


class EmailChangeConfirm(StrictModel):
    """The code that came to the new address."""

    code: Code


class SentCode(ResponseModel):
    """A code that was sent, without the code: only its hash is kept, for a day."""

    purpose: str
    destination: str
    created_at: datetime
    expires_at: datetime


class Export(ResponseModel):
    """All personal data that this service holds about the account."""

    exported_at: datetime
    account: User
    addresses: list[Address]
    codes: list[SentCode]


class RolesPut(StrictModel):
    """All the roles the account shall have."""

    roles: list[Role] = Field(min_length=1, max_length=3)


class Credentials(StrictModel):
    """What a person signs in with."""

    email: Annotated[str, StringConstraints(max_length=254)]
    password: AnyPassword


class EmailQuery(StrictModel):
    """An e-mail address as somebody signed in with it."""

    email: Annotated[str, StringConstraints(max_length=254)]


class PasswordChangedAt(ResponseModel):
    """When the password of an account last changed; null for none and for unknown accounts."""

    changed_at: datetime | None


class VerifiedCredentials(ResponseModel):
    """Whose credentials they are."""

    user_id: UUID
    email: str
    roles: list[Role]
    status: Status
    version: int
