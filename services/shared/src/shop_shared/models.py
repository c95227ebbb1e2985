"""Base models for what comes in over HTTP and what goes out."""

from typing import Annotated

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
"""A whole number of things: no "5", no true, no 5.0."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""A line of text: a name, a street."""

Text = Annotated[str, StringConstraints(max_length=10_000)]
"""Free text."""


def _is_text(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError("must be a string")  # noqa: TRY004 - pydantic makes it a 422
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_is_text)]
"""A time by RFC 3339 with its offset: no seconds since 1970, which anything looks like."""


def storable(value: object) -> bool:
    """Say whether PostgreSQL can keep every string in value (NUL it can not)."""
    match value:
        case str():
            return "\0" not in value
        case dict():
            return all(storable(key) and storable(item) for key, item in value.items())
        case list() | tuple() | set() | frozenset():
            return all(storable(item) for item in value)
        case _:
            return True


class StrictModel(BaseModel):
    """A request body: an unknown field is an error (no mass assignment), and it never changes.

    Numbers want `Field(strict=True)` and bounds (`Count`); ids, times and enums come as strings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _refuse_nul(cls, value: object) -> object:
        if not storable(value):
            raise ValueError("must not contain NUL")
        return value


class ResponseModel(BaseModel):
    """An answer: built by us, so frozen and not validated twice."""

    model_config = ConfigDict(frozen=True, from_attributes=True)
