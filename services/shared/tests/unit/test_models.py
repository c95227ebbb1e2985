"""Request text: one line is one line, and no character steers a terminal or a mail."""

import sys
import unicodedata
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from shop_shared.models import Line, OneLine, PhoneNumber, StrictModel, Text, in_one_line

LINE = TypeAdapter(Line)
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
REORDERING = BIDI[3:]
BREAKING = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) in {"Cc", "Zl", "Zp"}
]


class Written(StrictModel):
    """A name and what was written under it."""

    name: Line = "n"
    label: Annotated[str, StringConstraints(max_length=50), OneLine] = ""
    text: Text = ""
    more: dict[str, list[str]] = Field(default_factory=dict)


@pytest.mark.parametrize("field", ["name", "label"])
@pytest.mark.parametrize("character", [*BREAKING, *BIDI], ids=lambda c: f"U+{ord(c):04X}")
def test_a_line_is_one_line(field: str, character: str) -> None:
    with pytest.raises(ValidationError, match=f"U\\+{ord(character):04X}|NUL"):
        Written.model_validate({field: f"Ada{character}Bcc: x"})


@pytest.mark.parametrize(
    "character",
    [c for c in [*BREAKING, *REORDERING] if c not in "\t\n\r\u2028\u2029"],
    ids=lambda c: f"U+{ord(c):04X}",
)
def test_text_obeys_nothing(character: str) -> None:
    with pytest.raises(ValidationError, match=f"U\\+{ord(character):04X}"):
        Written(text=f"a{character}b")
    with pytest.raises(ValidationError, match=f"U\\+{ord(character):04X}"):
        Written(more={"a": [f"a{character}b"]})


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Zo\u00eb O'Neill",
        "\u674e\u5c0f\u9f8d",
        "\u0645\u062d\u0645\u062f",
        "\u05e9\u05e8\u05d4",
        "\u0928\u0947\u0939\u093e",
        "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}",
        "\u0645\u06cc\N{ZERO WIDTH NON-JOINER}\u062e\u0648\u0627\u0647\u0645",
    ],
)
def test_names_of_every_script_are_lines(name: str) -> None:
    assert Written(name=name).name == name


BLANK = [
    "\u200b",
    "\u3164",
    "\u2800",
    "\u2060\u200d",
    "\u115f \u1160",
    "\u00ad",
    "\U000e0041",
    "\u0301",
]


@pytest.mark.parametrize("field", ["name", "label"])
@pytest.mark.parametrize("name", BLANK, ids=ascii)
def test_a_line_can_be_seen(field: str, name: str) -> None:
    with pytest.raises(ValidationError, match="can be seen"):
        Written.model_validate({field: name})
    assert Written.model_validate({field: f"a{name}"})


@pytest.mark.parametrize("field", ["name", "label", "text"])
@pytest.mark.parametrize("character", ["\uffff", "\ufffe", "\ufdd0", "\U0010ffff"], ids=ascii)
def test_noncharacters_are_no_text(field: str, character: str) -> None:
    with pytest.raises(ValidationError, match=f"U\\+{ord(character):04X}"):
        Written.model_validate({field: f"a{character}"})


def test_text_has_lines() -> None:
    assert Written(text="one\r\ntwo\tthree\n").text == "one\r\ntwo\tthree\n"


@given(st.text())
def test_what_is_made_one_line_is_accepted_as_one(value: str) -> None:
    made = in_one_line(value)
    assert not made or LINE.validate_python(made[:200].strip() or "x")


@pytest.mark.parametrize("number", ["+442079460000", "+4930123456", "+1234567"])
def test_phone_numbers(number: str) -> None:
    assert TypeAdapter(PhoneNumber).validate_python(number) == number


@pytest.mark.parametrize(
    "number",
    [
        "+4" + "\N{ARABIC-INDIC DIGIT FOUR}" * 8,
        "+44" + "\N{DEVANAGARI DIGIT TWO}" * 8,
        "+" + "\N{FULLWIDTH DIGIT FOUR}" * 9,
        "+0123456789",
        "442079460000",
        "+44 20 7946",
        "+1",
        "+442079460000\n",
        "+" + "1" * 16,
    ],
)
def test_what_is_no_phone_number(number: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PhoneNumber).validate_python(number)
