"""Templates: one file a message and language, with a subject, a short text and a body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from shop_shared.money import minor_digits


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message in words."""

    subject: str
    short: str
    body: str


_environment = SandboxedEnvironment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,
    keep_trailing_newline=False,
)


def render(template: str, *, locale: str, default: str, data: Mapping[str, Any]) -> Rendered:
    """Render a message in the reader's language, or the default where there is no such file.

    Raises jinja2.UndefinedError when data lacks what the template names.
    """
    head_subject, head_short, body = _parts(template, _language(template, locale, default))
    return Rendered(
        subject=_line(head_subject.render(data)),
        short=_line(head_short.render(data)),
        body=body.render(data) + "\n",
    )


def money(amount: Mapping[str, Any]) -> str:
    """19.99 USD of {"amount": 1999, "currency": "USD"}."""
    digits = minor_digits(amount["currency"])
    return f"{amount['amount'] / 10**digits:,.{digits}f} {amount['currency']}"


def languages(template: str) -> set[str]:
    """Which languages a template is written in."""
    folder = files("shop_notification") / "templates" / template
    return {file.name.removesuffix(".txt") for file in folder.iterdir()}


def _language(template: str, locale: str, default: str) -> str:
    wanted = locale.replace("_", "-").split("-")[0].lower()
    written = _languages(template)
    return next((language for language in (wanted, default) if language in written), "en")


@cache
def _languages(template: str) -> frozenset[str]:
    return frozenset(languages(template))


@cache
def _parts(
    template: str, language: str
) -> tuple[jinja2.Template, jinja2.Template, jinja2.Template]:
    file = files("shop_notification") / "templates" / template / f"{language}.txt"
    subject, short, _, body = file.read_text("utf-8").split("\n", 3)
    return (
        _environment.from_string(subject.removeprefix("Subject: ")),
        _environment.from_string(short.removeprefix("Short: ")),
        _environment.from_string(body.rstrip("\n")),
    )


def _line(text: str) -> str:
    """One line, whatever a name may contain: a header can not be broken out of."""
    return " ".join(text.split())
