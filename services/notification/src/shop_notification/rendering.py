"""Templates: one file per message and language with a subject, a short text and a body.

The HTML of a mail is the body laid out by `layout.html`, where everything is escaped: the name of a
person or a product never becomes markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from shop_shared.models import in_one_line
from shop_shared.money import minor_digits


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message in words."""

    subject: str
    short: str
    body: str
    """Plain text."""
    html: str


_environment = SandboxedEnvironment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,
    keep_trailing_newline=False,
)
_html_environment = SandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=True)
_FOOTERS = {
    "de": (
        "Diese Mails abbestellen",
        "Du bekommst diese Mail, weil du ein Konto bei Minishop hast.",
    ),
    "en": (
        "Unsubscribe from these mails",
        "You get this mail because you have an account at Minishop.",
    ),
    "id": (
        "Berhenti berlangganan",
        "Anda menerima surel ini karena memiliki akun di Minishop.",
    ),
}
"""By language: the words of the unsubscribe link, and why the mail was sent."""


def render(
    template: str,
    *,
    locale: str,
    default: str,
    data: Mapping[str, Any],
    unsubscribe_url: str | None = None,
) -> Rendered:
    """Render a message in the reader's language, or the default where there is no such file.

    Every text of `data` but a message's own `text` is put on one line. Raises
    jinja2.UndefinedError when data lacks what the template names.
    """
    language = _language(template, locale, default)
    head_subject, head_short, body = _parts(template, language)
    safe = {name: item if name == "text" else _in_lines(item) for name, item in data.items()}
    subject = in_one_line(head_subject.render(safe))
    text = body.render(safe).strip("\n") + "\n"
    unsubscribe, reason = _FOOTERS.get(language, _FOOTERS["en"])
    html = _layout().render(
        language=language,
        subject=subject,
        blocks=_blocks(text),
        reason=reason,
        unsubscribe=unsubscribe,
        unsubscribe_url=unsubscribe_url,
    )
    if unsubscribe_url is not None:
        text += f"\n-- \n{unsubscribe}: {unsubscribe_url}\n"
    return Rendered(
        subject=subject, short=in_one_line(head_short.render(safe)), body=text, html=html
    )


def money(amount: Mapping[str, Any]) -> str:
    """Return `19.99 USD` of {"amount": 1999, "currency": "USD"}."""
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


@cache
def _layout() -> jinja2.Template:
    file = files("shop_notification") / "templates" / "layout.html"
    return _html_environment.from_string(file.read_text("utf-8"))


def _blocks(text: str) -> list[tuple[str, list[str]]]:
    """Return the paragraphs ("p") and lists ("ul") of a plain text, each with its lines."""
    blocks: list[tuple[str, list[str]]] = []
    for paragraph in text.strip().split("\n\n"):
        for line in filter(None, paragraph.split("\n")):
            kind = "ul" if line.startswith("- ") else "p"
            if not blocks or blocks[-1][0] != kind or line is paragraph.split("\n")[0]:
                blocks.append((kind, []))
            blocks[-1][1].append(line.removeprefix("- ") if kind == "ul" else line)
    return blocks


def _in_lines(value: object) -> object:
    """Return the value with each string on one line: it may be from before names were checked."""
    match value:
        case str():
            return in_one_line(value)
        case dict():
            return {key: _in_lines(item) for key, item in value.items()}
        case list() | tuple():
            return [_in_lines(item) for item in value]
        case _:
            return value
