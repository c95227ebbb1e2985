"""One canonical address per mailbox."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop_shared.emails import BadEmailError, canonical


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada@Example.COM ", "ada@example.com"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("JOS\u00c9@example.com", "jos\u00e9@example.com"),
        # Another mailbox than "strasse".
        ("stra\u00dfe@example.com", "stra\u00dfe@example.com"),
        ("o'brien+shop@mail.example.co.uk", "o'brien+shop@mail.example.co.uk"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@bu\u0308cher.example", "ada@xn--bcher-kva.example"),
        ("ADA@B\u00dcCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--Bcher-KVA.example", "ada@xn--bcher-kva.example"),
        ("ada@fa\u00df.example", "ada@xn--fa-hia.example"),
        ("ada@example\u3002com", "ada@example.com"),
    ],
)
def test_spellings_of_one_mailbox(written: str, address: str) -> None:
    assert canonical(written) == address


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@@example.com",
        "a b@example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@example.com, eve@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "<ada@example.com>",
        "a" * 65 + "@example.com",
        "ada@" + "e" * 250 + ".com",
        "ada@" + "\u00fc" * 60 + ".example." + "\u00fc" * 60 + "." + "\u00fc" * 60 + ".com",
        "a\u0001b@example.com",
        "a\u001b[31mb@example.com",
        "a\u202eb@example.com",
        "a\u200bb@example.com",
        "a\u2028b@example.com",
        "=?utf-8?q?victim?=@corp.example",
        "=?UTF-8?B?dmljdGlt?=@corp.example",
        '"a b"@example.com',
        "ada@[127.0.0.1]",
        "ada@\u2603.net",
        "ada@xn--a.com",
    ],
)
def test_what_is_no_address(written: str) -> None:
    with pytest.raises(BadEmailError):
        canonical(written)


@given(st.emails() | st.from_regex(r"\A[^@\n]{1,20}@[^@\n]{1,20}\.example\Z"))
def test_a_canonical_address_is_its_own(written: str) -> None:
    try:
        found = canonical(written)
    except BadEmailError:
        return
    assert canonical(found) == found
    assert found.partition("@")[2].isascii()
    assert not found.isascii() or canonical(found.upper()) == found
