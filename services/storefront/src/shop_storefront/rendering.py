"""Templates: one Jinja2 environment a language, everything escaped, nothing undefined."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_datetime
from babel.numbers import format_decimal
from babel.support import NullTranslations
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from shop_storefront import wording
from shop_storefront.money import format_money

_ROOT = Path(str(files("shop_storefront")))
STATIC = _ROOT / "static"
_NOT_COUNTRIES = frozenset(("EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"))


class Renderer:
    """Renders templates in any of the languages."""

    def __init__(self, languages: Mapping[str, NullTranslations]) -> None:
        self.languages = languages
        self._environments = {code: _environment(code, texts) for code, texts in languages.items()}

    def render(self, language: str, template: str, context: Mapping[str, object]) -> str:
        """Return a page. Raises jinja2.TemplateError for a fault of the template."""
        return self._environments[language].get_template(template).render(context)

    def translate(self, language: str, text: str, **values: object) -> str:
        """Return a text of the code in a language, its %(names)s filled in."""
        translated = self.languages[language].gettext(text)
        return translated % values if values else translated


def _environment(code: str, texts: NullTranslations) -> Environment:
    locale = Locale.parse(code)
    environment = Environment(
        loader=FileSystemLoader(_ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(
        money=partial(_money, locale),
        when=partial(_when, locale),
        number=partial(format_decimal, locale=locale),
        words=lambda name: texts.gettext(wording.of(str(name))),
    )
    environment.globals.update(
        static=_static_url, countries=_countries(code), language=code, picture=picture_path
    )
    return environment


def _money(locale: Locale, money: dict[str, Any]) -> str:
    return format_money(money, locale)


def _when(locale: Locale, moment: str) -> Markup:
    """Return a <time> in UTC; a module of ours puts it into the reader's own zone."""
    at = datetime.fromisoformat(moment).astimezone(UTC)
    said = format_datetime(at, "medium", tzinfo=UTC, locale=locale)
    return Markup('<time datetime="{}">{} UTC</time>').format(at.isoformat(), said)


def _countries(code: str) -> list[tuple[str, str]]:
    """Return ISO 3166-1 codes with their names in a language, by name."""
    names = Locale.parse(code).territories
    known = [
        (territory, name)
        for territory, name in names.items()
        if len(territory) == 2 and territory.isalpha() and territory not in _NOT_COUNTRIES  # noqa: PLR2004
    ]
    return sorted(known, key=lambda each: each[1])


@cache
def static_version(name: str) -> str:
    """Return what changes with a file's content."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def _static_url(name: str) -> str:
    """Return the address of a file, which has its version: so it is cached for ever."""
    return str(escape(f"/static/{name}?v={static_version(name)}"))


def picture_path(image_url: str) -> str:
    """Return where the storefront serves a picture of the API: /v1/products/{id}/image?v=…."""
    return "/pictures/" + image_url.removeprefix("/v1/products/")
