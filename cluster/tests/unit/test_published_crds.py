"""The CRDs of others are what their projects published, and nothing else is taken for them."""

from dataclasses import replace
from pathlib import Path

import pytest

from shop_cluster import published_crds
from shop_cluster.errors import ClusterError
from shop_cluster.manifest_text import parse
from shop_cluster.published_crds import EMBEDDED, published


def test_each_file_is_the_crd_that_it_is_named_after() -> None:
    files = published()
    assert set(published(EMBEDDED)) < set(files)
    for file in files:
        [found] = parse(file.read_text())
        assert (found["kind"], found["metadata"]["name"]) == ("CustomResourceDefinition", file.stem)


def test_another_content_than_pinned_is_refused(tmp_path: Path) -> None:
    module = replace(published_crds._MODULES[0], checksum="h1:another")
    with pytest.raises(ClusterError, match="not as pinned"):
        published_crds._copy(module, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_crd_that_nobody_publishes_here() -> None:
    with pytest.raises(KeyError, match=r"nothing\.example\.org"):
        published(["nothing.example.org"])


def test_an_equals_sign_is_a_string() -> None:
    assert parse("enum: [=, '!=', =~]\n---\n") == [{"enum": ["=", "!=", "=~"]}]
