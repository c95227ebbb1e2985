"""Base models and field types of request and response bodies."""

import re
import unicodedata
from typing import Annotated

from pydantic import (
    AfterValidator,
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

# Of the general category Cc only tab, line feed and carriage return belong in text. The Unicode
# bidirectional algorithm's embeddings, overrides and isolates (UAX #9) show text in another order
# than it is stored in; ESC begins a terminal's control sequences.
# Noncharacters are for a program's own use (Unicode, 23.7).
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(0x10000 * n + 0xFFFE) + chr(0x10000 * n + 0xFFFF) for n in range(17)
)
_NOT_IN_TEXT = re.compile(
    f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069{_NONCHARACTERS}]"
)
# All of Cc, the line and paragraph separators (Zl, Zp), and the whole property Bidi_Control.
_NOT_IN_LINE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
    f"\ufff9-\ufffb{_NONCHARACTERS}]"
)
# Letters and symbols that show nothing (Default_Ignorable_Code_Point, and the Braille blank).
_BLANKS = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_UNSEEN = frozenset({"Cf", "Co", "Cs", "Mn", "Me", "Zs"})


def one_line(value: str) -> str:
    """Return the value.

    Raises ValueError if any character could break or reorder its line, or if none can be seen.
    """
    if found := _NOT_IN_LINE.search(value):
        raise ValueError(f"must be one line: U+{ord(found[0]):04X} is not allowed")
    if value.strip() and all(map(_is_unseen, value)):
        raise ValueError("must have a character that can be seen")
    return value


def _is_unseen(character: str) -> bool:
    return character in _BLANKS or unicodedata.category(character) in _UNSEEN


def in_one_line(value: str) -> str:
    """Return a value that nobody checked as one line: what `one_line` refuses becomes a space.

    Empty where nothing of it can be seen.
    """
    line = " ".join(_NOT_IN_LINE.sub(" ", value).split())
    return "" if all(map(_is_unseen, line)) else line


OneLine = AfterValidator(one_line)
"""For `Annotated[str, StringConstraints(...), OneLine]`: a line with bounds of its own."""

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), OneLine
]
"""One line of text: a name, a street."""

Text = Annotated[str, StringConstraints(max_length=10_000)]
"""Text of several lines; `StrictModel` refuses control characters in it."""

PhoneNumber = Annotated[
    str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$"), Field(examples=["+442079460000"])
]
"""E.164 in ASCII digits. Patterns name `[0-9]`: the engine's `\\d` is every script's digits."""


def _is_date_and_time(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError("must be a string")  # noqa: TRY004 - pydantic makes it a 422
    if isinstance(value, str) and ":" not in value:  # pydantic reads "1767268800", too
        raise ValueError("must be a date with a time and its offset")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_is_date_and_time)]
"""A time by RFC 3339 with its offset: no seconds since 1970, which anything looks like."""


def storable(value: object) -> bool:
    """Return True if PostgreSQL can store every string in value: none contains NUL."""
    match value:
        case str():
            return "\0" not in value
        case dict():
            return all(storable(key) and storable(item) for key, item in value.items())
        case list() | tuple() | set() | frozenset():
            return all(storable(item) for item in value)
        case _:
            return True


def _refuse_controls(value: object) -> None:
    """Raise ValueError if any string in value contains a character that is not text."""
    match value:
        case str():
            if found := _NOT_IN_TEXT.search(value):
                raise ValueError(f"must not contain U+{ord(found[0]):04X}")
        case dict():
            for key, item in value.items():
                _refuse_controls(key)
                _refuse_controls(item)
        case list() | tuple() | set() | frozenset():
            for item in value:
                _refuse_controls(item)


class StrictModel(BaseModel):
    """A request body: an unknown field is an error (no mass assignment), and it never changes.

    Numbers want `Field(strict=True)` and bounds (`Count`); ids, times and enums come as strings.
    No string contains control characters (tab and line breaks aside) or changes its direction.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*")
    @classmethod
    def _is_plain_text(cls, value: object) -> object:
        _refuse_controls(value)
        return value


class ResponseModel(BaseModel):
    """An answer: built by us, so frozen and not validated twice."""

    model_config = ConfigDict(frozen=True, from_attributes=True, hide_input_in_errors=True)
