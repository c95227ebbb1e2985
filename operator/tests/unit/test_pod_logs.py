"""The last line of a log, as a condition shows it: without passwords and control characters."""

import pytest

from shop_operator.api.pod_logs import last_line_of, redacted

BELOW = "(Background on this error at: https://sqlalche.me/e/21/f405)"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("one\ntwo\n\n  \n", "two"),
        ("\x1b[31mboom\x1b[0m\r\n", "boom"),
        ("no postgresql://a:p%40ss@db/a here", "no postgresql://a:***@db/a here"),
        ("password=hunter2 is wrong", "password=*** is wrong"),
        ('{"event": "x", "api_key": "sk_live_1"}', '{"event": "x", "api_key": "***"}'),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("token expired", "token expired"),
        (
            f"E: no b\n[SQL: CREATE INDEX a\n  ON b (c)]\n[SQL parameters hidden]\n{BELOW}",
            "E: no b",
        ),
        (f"E: wrong DSN\n{BELOW}", "E: wrong DSN"),
        (BELOW, BELOW),
    ],
)
def test_the_last_line(text: str, line: str) -> None:
    assert last_line_of(text) == line


def test_known_passwords_are_hidden_wherever_they_stand() -> None:
    assert redacted("login with s3cret failed", ["s3cret", None]) == "login with *** failed"


def test_a_known_password_is_hidden_before_the_line_is_cut() -> None:
    line = last_line_of("x" * 290 + " s3cret-and-more " + "y" * 400)
    assert redacted(line, ["s3cret-and-more"]) == "x" * 290 + " *** yyyy…"
    assert redacted(last_line_of("x" * 400), []) == "x" * 299 + "…"


def test_a_line_that_is_nearly_all_passwords_is_read_at_once() -> None:
    """Each of these could begin an address with a password: to look to its end never ends."""
    assert redacted(last_line_of("://:" * 1_000_000), []) == "://:" * 74 + "://…"
    line = last_line_of("postgresql://u:secret@db/" + "://:" * 1_000_000)
    assert line.startswith("postgresql://u:***@db/")
