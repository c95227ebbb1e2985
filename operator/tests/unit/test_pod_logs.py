"""The last line of a log, as a condition shows it: without passwords and control characters."""

import pytest

from shop_operator.api.pod_logs import last_line_of, redacted


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
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_the_last_line(text: str, line: str) -> None:
    assert last_line_of(text) == line


def test_known_passwords_are_hidden_wherever_they_stand() -> None:
    assert redacted("login with s3cret failed", ["s3cret", None]) == "login with *** failed"
