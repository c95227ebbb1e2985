"""The generated parts of the pages are what would be generated now."""

from ..reference import pages, written  # noqa: TID252 - tests are no installed package


def test_no_page_is_stale() -> None:
    for path, generated in pages().items():
        page = path.read_text()
        assert page == written(page, generated), f"{path.name}: run make docs-operator"
