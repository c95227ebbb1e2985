"""The catalogue to start with."""

from itertools import islice
from pathlib import Path
from xml.etree import ElementTree as ET

import orjson
import pytest

from shop_product.models import ProductCreate
from shop_product.seed.__main__ import CHUNK_BYTES, chunks, main
from shop_product.seed.catalogue import KINDS, product, products
from shop_product.seed.drawings import SHAPES

CATALOGUE = Path(__file__).parents[4] / "manifests/seed/catalogue.ndjson"


def test_every_line_is_a_product_and_every_sku_its_own() -> None:
    made = [ProductCreate.model_validate(line) for line in products(600)]
    assert len({line.sku for line in made}) == 600
    assert {line.category for line in made} == {kind.category for kind in KINDS}


def test_the_number_alone_decides() -> None:
    assert product(99_999) == product(99_999)
    assert list(products(3, start=7)) == [product(7), product(8), product(9)]


def test_the_file_is_what_the_generator_makes() -> None:
    lines = CATALOGUE.read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == list(products(len(lines)))
    assert len(lines) >= 300


@pytest.mark.parametrize("kind", SHAPES)
def test_pictures_are_svg_without_scripts(kind: str) -> None:
    number = [known.name for known in KINDS].index(kind)
    picture = product(number)["image_svg"]
    tags = {element.tag.split("}")[1] for element in ET.fromstring(picture).iter()}
    assert tags <= {"svg", "g", "path", "rect", "circle", "ellipse"}
    assert len(picture) < 1_200


def test_chunks_keep_lines_whole() -> None:
    lines = [b"x" * 1_000_000] * 9
    sent = list(chunks(islice(lines, 9)))
    assert b"".join(sent).splitlines() == lines
    assert all(len(chunk) <= CHUNK_BYTES for chunk in sent)


def test_a_file_that_is_not_there_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["seed", "upload", str(tmp_path / "gone.ndjson")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "No such file" in capsys.readouterr().err.splitlines()[-1]
