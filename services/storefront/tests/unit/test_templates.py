"""Templates: nothing inline that the content security policy would refuse, nothing unescaped."""

import re
from importlib.resources import files
from pathlib import Path

import pytest
from babel import Locale

from shop_storefront.languages import load
from shop_storefront.rendering import Renderer, picture_path

TEMPLATES = Path(str(files("shop_storefront") / "templates"))
FILES = sorted(TEMPLATES.rglob("*.html"))
# What may be written as it is: literals of the templates themselves.
LITERALS = re.compile(r"\{\{ '[ a-z=\"-]+'\|safe if [^}]+ \}\}")
FORMS = re.compile(r'<form[^>]*method="post".*?</form>', re.DOTALL)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TEMPLATES)))
def test_a_template_is_safe(file: Path) -> None:
    text = file.read_text()
    assert "|safe" not in LITERALS.sub("", text)
    assert "autoescape" not in text
    assert not re.search(r"\son[a-z]+=|\sstyle=|<style|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"(src|href|action)=\"(https?:)?//", text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TEMPLATES)))
def test_every_form_that_changes_something_has_the_token(file: Path) -> None:
    for form in FORMS.findall(file.read_text()):
        assert "csrf_field(csrf)" in form or 'name="csrf" value="{{ csrf }}"' in form, form


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TEMPLATES)))
def test_a_link_or_button_is_called_what_it_shows(file: Path) -> None:
    """A label would take the place of its text for who hears or speaks (WCAG 2.5.3)."""
    assert not re.search(r"<(a|button)\b[^>]*\saria-label=", file.read_text())


def test_what_is_announced_is_there_before_it_says_something() -> None:
    """A reader announces what changes in such an element, not one that comes with its text."""
    kept_live = (TEMPLATES / "order_progress.html").read_text()
    assert 'class="state"' in kept_live
    assert 'role="status"' not in kept_live
    assert (
        '<p class="hidden" role="status" id="news"></p>' in (TEMPLATES / "order.html").read_text()
    )


def test_what_is_filled_in_is_escaped() -> None:
    renderer = Renderer(load())
    said = {"title": "<script>alert(1)</script>", "advice": "\"><img src=x onerror='a'>"}
    page = renderer.render("en", "away.html", said)
    assert "<script>" not in page
    assert "<img" not in page


def test_dates_are_of_the_language() -> None:
    renderer = Renderer(load())
    for language, month in (("en", "Aug"), ("id", "Agu")):
        made = renderer._environments[language].from_string("{{ at|when }}")
        page = made.render(at="2026-08-01T12:30:00.5Z")
        assert month in page
        assert 'datetime="2026-08-01T12:30:00.500000+00:00"' in page


def test_countries_are_those_of_iso_3166() -> None:
    countries = dict(Renderer(load())._environments["id"].globals["countries"])  # type: ignore[call-overload]
    assert countries["GB"] == Locale("id").territories["GB"]
    assert {"EU", "ZZ", "UN", "001"}.isdisjoint(countries)
    assert len(countries) > 240


def test_pictures_are_of_this_origin() -> None:
    assert picture_path("/v1/products/1/image?v=2") == "/pictures/1/image?v=2"
    assert picture_path("/v1/products/1/images/2") == "/pictures/1/images/2"
