"""The languages of the pages: a folder `locale/<language>/LC_MESSAGES` each, English in the code.

A catalogue is compiled by Babel when the process starts, so a further language is one file.
"""

import io
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

SOURCE = "en"
_FOLDER = Path(str(files("shop_storefront") / "locale"))


def load(folder: Path = _FOLDER) -> Mapping[str, NullTranslations]:
    """Return the texts of every language, by its code: English's are those of the code."""
    found: dict[str, NullTranslations] = {SOURCE: NullTranslations()}
    for file in sorted(folder.glob("*/LC_MESSAGES/messages.po")):
        found[file.parents[1].name] = compile_catalogue(file)
    return found


def compile_catalogue(file: Path) -> Translations:
    """Return the texts of a .po file. Raises babel's PoFileError for one that cannot be read."""
    with file.open("rb") as opened:
        catalogue = read_po(opened, abort_invalid=True)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def negotiate(accept_language: str, available: Mapping[str, object]) -> str:
    """Return the best available language for an Accept-Language header (RFC 9110, 12.5.4)."""
    wanted: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:20]:
        name, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        wanted.append((quality, name.strip().lower().split("-")[0]))
    for quality, name in sorted(wanted, key=lambda each: -each[0]):
        if quality > 0 and name in available:
            return name
    return SOURCE


def name_of(code: str) -> str:
    """Return a language's name in itself."""
    return str(Locale.parse(code).get_display_name(code)).capitalize()
