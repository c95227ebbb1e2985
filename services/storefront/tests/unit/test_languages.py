"""The languages: every text of the pages is in every catalogue, with what is filled in."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from shop_storefront.languages import load, name_of, negotiate
from shop_storefront.rendering import Renderer

SOURCE = Path(str(files("shop_storefront")))
CATALOGUES = sorted(SOURCE.glob("locale/*/LC_MESSAGES/messages.po"))
_FILLED_IN = re.compile(r"%\((\w+)\)s")


def texts() -> Iterator[str]:
    """Yield every text that the code and the templates mark."""
    for _, _, message, _, _ in extract_from_dir(
        str(SOURCE),
        method_map=[("**.py", "python"), ("**.html", "jinja2")],
        keywords={"N_": None, "_": None, "gettext": None, "ngettext": (1, 2)},
        options_map={"**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}},
    ):
        yield message if isinstance(message, str) else message[0]


def test_indonesian_is_there() -> None:
    assert [file.parents[1].name for file in CATALOGUES] == ["id"]
    assert set(load()) == {"en", "id"}


def test_a_third_language_is_a_file(tmp_path: Path) -> None:
    for language in ("id", "nl"):
        catalogue = tmp_path / language / "LC_MESSAGES" / "messages.po"
        catalogue.parent.mkdir(parents=True)
        catalogue.write_text(CATALOGUES[0].read_text().replace("Keranjang", f"Mand {language}"))
    renderer = Renderer(load(tmp_path))
    assert set(renderer.languages) == {"en", "id", "nl"}
    assert renderer.translate("nl", "Basket") == "Mand nl"
    assert renderer.render("nl", "away.html", {"title": "", "advice": ""}).count('lang="nl"') == 1


@pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.parents[1].name)
def test_every_text_is_translated(file: Path) -> None:
    with file.open("rb") as opened:
        catalogue = read_po(opened, abort_invalid=True)
    wanted = set(texts())
    assert len(wanted) > 300
    for text in wanted:
        message = catalogue.get(text)
        assert message, f"{file}: {text!r} is missing"
        string = message.string
        said = string if isinstance(string, str) else next(iter(string or ()), "")
        assert said, f"{file}: {text!r} is empty"
        assert set(_FILLED_IN.findall(said)) == set(_FILLED_IN.findall(text)), text


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("id-ID,id;q=0.9,en;q=0.8", "id"),
        ("de-DE,de;q=0.9,id;q=0.5,en;q=0.1", "id"),
        ("en;q=0.2,id;q=0.1", "en"),
        ("id;q=0", "en"),
        ("", "en"),
        ("*", "en"),
        ("id;q=x,,;;q", "en"),
    ],
)
def test_the_reader_s_language_is_chosen(header: str, language: str) -> None:
    assert negotiate(header, {"en": 1, "id": 1}) == language


def test_a_language_is_named_in_itself() -> None:
    assert name_of("id") == "Indonesia"
    assert name_of("en") == "English"
