"""Every template, in every language, with what its event gives it."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import jinja2
import pytest

from shop_notification.plans import PLANS
from shop_notification.rendering import languages, money, render

TEMPLATES = sorted(
    folder.name
    for folder in (files("shop_notification") / "templates").iterdir()
    if folder.is_dir()
)
DATA: dict[str, Any] = {
    "name": "Ada",
    "code": "123456",
    "order": "ABC123",
    "total": "19.99 USD",
    "refund": "9.99 USD",
    "refusal": "The seal is broken.",
    "retry_until": "2026-01-01 12:15 UTC",
    "amount": "19.99 USD",
    "lines": [{"name": "Mug", "quantity": 2, "price": "19.98 USD"}],
    "new_email": "ada.king@example.com",
    "message": "no funds",
    "url": None,
    "tracking_number": "MS1",
    "location": None,
    "subject": "Hello",
    "text": "A text",
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_written_in_english_and_reads_well_in_each_language(template: str) -> None:
    assert "en" in languages(template)
    for language in languages(template):
        words = render(template, locale=language, default="en", data=DATA)
        assert all((words.subject, words.short, words.body.strip()))
        assert "{" not in words.subject + words.short + words.body
        assert "\n" not in words.subject + words.short


def test_every_plan_has_its_template() -> None:
    assert {plan.template for plan in PLANS.values()} <= set(TEMPLATES)


@pytest.mark.parametrize(
    ("locale", "start"), [("id-ID", "Selamat"), ("de_AT", "Will"), ("en", "Welc"), ("xx", "Welc")]
)
def test_the_readers_language_or_the_default(locale: str, start: str) -> None:
    words = render("welcome", locale=locale, default="en", data={"name": "Ada"})
    assert words.subject.startswith(start)


def test_a_name_breaks_out_of_no_header_and_runs_no_template() -> None:
    name = "Eve\r\nBcc: all@example.com {{ 7 * 7 }}"
    words = render("welcome", locale="en", default="en", data={"name": name})
    assert "\n" not in words.subject
    assert "{{ 7 * 7 }}" in words.subject


def test_what_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("verification_code", locale="en", default="en", data={"name": "Ada"})


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [(1999, "USD", "19.99 USD"), (1999, "JPY", "1,999 JPY"), (14_500_000, "IDR", "145,000.00 IDR")],
)
def test_money_reads_as_people_write_it(amount: int, currency: str, words: str) -> None:
    assert money({"amount": amount, "currency": currency}) == words


def test_a_name_is_never_markup_and_a_link_is_one() -> None:
    data = {**DATA, "name": "<img src=x onerror=alert(1)>", "url": "https://pay.example/?a=1&b=2"}
    rendered = render("payment_action", locale="en", default="en", data=data)
    assert "<img" not in rendered.html
    assert "&lt;img" in rendered.html
    assert '<a href="https://pay.example/?a=1&amp;b=2"' in rendered.html


def test_a_receipt_is_a_list() -> None:
    rendered = render("order_confirmed", locale="en", default="en", data=DATA)
    assert "<li>2 \N{MULTIPLICATION SIGN} Mug: 19.98 USD</li>" in rendered.html
    assert "Total: 19.99 USD" in rendered.body


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_value_makes_a_line_of_its_own(template: str) -> None:
    forged = "x\nBcc: victim@example.com\u2028\u001b[31m"
    values = {
        key: forged if isinstance(value, str) and key != "text" else value
        for key, value in DATA.items()
    }
    values["lines"] = [{"name": forged, "quantity": 2, "price": forged}]
    rendered = render(template, locale="en", default="en", data=values)
    for text in (rendered.subject, rendered.short, rendered.body, rendered.html):
        assert "\u001b" not in text
        assert "\u2028" not in text
        assert not any(line.startswith("Bcc:") for line in text.splitlines())


def test_unsubscribing_is_said_in_text_and_html() -> None:
    url = "https://shop.example/v1/notifications/unsubscribe/t"
    rendered = render("welcome", locale="de", default="en", data=DATA, unsubscribe_url=url)
    assert url in rendered.body
    assert f'href="{url}"' in rendered.html
    assert "abbestellen" in rendered.html
