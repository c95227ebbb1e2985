"""Requests and answers of the auth API."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from shop_shared.http.policies import Word
from shop_shared.models import ResponseModel, StrictModel

Email = Annotated[str, StringConstraints(min_length=3, max_length=254)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=256)]
ClientId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Opaque = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class PasswordGrant(StrictModel):
    """Sign a person in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "grant_type": "password",
                    "email": "ada@example.com",
                    "password": "correct horse 1",
                }
            ]
        }
    )

    grant_type: Literal["password"]
    email: Email
    password: Password


class ClientCredentialsGrant(StrictModel):
    """Sign a service in."""

    grant_type: Literal["client_credentials"]
    client_id: ClientId
    client_secret: Password


Grant = Annotated[PasswordGrant | ClientCredentialsGrant, Field(discriminator="grant_type")]


class RefreshRequest(StrictModel):
    """Exchange a refresh token; it is spent by this."""

    refresh_token: Opaque


class Tokens(ResponseModel):
    """An access token and, for people, the refresh token that gets the next one."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme, no secret
    expires_in: int = Field(description="Seconds until the access token expires.")
    scope: str
    refresh_token: str | None = None
    refresh_expires_in: int | None = None
    session_id: UUID | None = None


class Session(ResponseModel):
    """A sign-in that has not ended."""

    id: UUID
    current: bool = Field(description="Whether this request came with a token of this session.")
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str


class Sessions(ResponseModel):
    """The caller's sessions, newest first."""

    items: list[Session]


class IntrospectRequest(StrictModel):
    """An access token to look into (RFC 7662)."""

    token: Opaque


class Introspection(ResponseModel):
    """Whether the token is good now and, only then, what it says."""

    active: bool
    sub: str | None = None
    roles: list[str] | None = None
    scope: str | None = None
    sid: str | None = None
    iss: str | None = None
    aud: str | None = None
    iat: int | None = None
    exp: int | None = None
    jti: str | None = None


class Subject(StrictModel):
    """Who wants to act."""

    id: UUID
    roles: list[Word] | None = Field(
        None, max_length=10, description="Default: those of one's own token"
    )


class Resource(StrictModel):
    """What is to be acted on."""

    type: Word
    id: Annotated[str, StringConstraints(max_length=200)] | None = None
    owner_id: UUID | None = None


class AuthorizeRequest(StrictModel):
    """Asks whether ``subject`` may do ``action`` to ``resource``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "subject": {
                        "id": "0199b1f0-0000-7000-8000-000000000001",
                        "roles": ["customer"],
                    },
                    "action": "read",
                    "resource": {
                        "type": "order",
                        "id": "0199b1f0-0000-7000-8000-0000000000aa",
                        "owner_id": "0199b1f0-0000-7000-8000-000000000001",
                    },
                }
            ]
        }
    )

    subject: Subject
    action: Word
    resource: Resource


class Jwks(ResponseModel):
    """JSON Web Key Set."""

    keys: list[dict[str, Any]]
