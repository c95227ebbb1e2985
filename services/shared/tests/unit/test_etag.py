"""Which entity tags name the version that is there (RFC 9110, 8.8.3 and 13.1)."""

import pytest

from shop_shared.http.etag import not_modified, require_match
from shop_shared.http.problems import PreconditionFailed, PreconditionRequired


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"6"', True),
        ('W/"6"', True),
        ('"5", W/"6" , "7"', True),
        ('"5","6"', True),
        ("*", True),
        (" * ", True),
        ('"a,b", "6"', True),
        ('"a*", "5"', False),
        ('"5, 6"', False),
        ("6", False),
        ('"66"', False),
        ("", False),
    ],
)
def test_if_none_match_compares_weakly_and_reads_lists(header: str, *, known: bool) -> None:
    assert not_modified(header, 6) is known


def test_without_if_none_match_nothing_is_known() -> None:
    assert not not_modified(None, 6)


@pytest.mark.parametrize("header", ['"6"', '"5", "6"', "*"])
def test_if_match_lets_the_current_version_pass(header: str) -> None:
    require_match(header, 6)


@pytest.mark.parametrize("header", ['"5"', 'W/"6"', '"5, 6"', "6", ""])
def test_if_match_compares_strongly(header: str) -> None:
    with pytest.raises(PreconditionFailed):
        require_match(header, 6)


def test_a_required_if_match_must_be_there() -> None:
    require_match(None, 6)
    with pytest.raises(PreconditionRequired):
        require_match(None, 6, required=True)
