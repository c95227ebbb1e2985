"""A wrong word is told in a line, before anything is done."""

import sys

import pytest
from shop_journey import __main__ as command


def ends(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["shop_journey", *words])
    return command.main()


@pytest.mark.parametrize(
    ("variable", "choices"),
    [("CLUSTER", "embedded, kind, current"), ("SECRETS", "vault, kubernetes")],
)
def test_an_unknown_choice_names_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    choices: str,
) -> None:
    monkeypatch.setenv("CLUSTER", "embedded")
    monkeypatch.setenv(variable, "nothing-known")
    assert ends(monkeypatch, "up") == 1
    assert f"failed: {variable}=nothing-known: it is one of {choices}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [("-n", "0"), ("-n", "many"), ("--rate", "0"), ("--rate", "-1"), ("--rate", "nan")]
)
def test_orders_that_cannot_be_counted_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        ends(monkeypatch, "order", *words)
    assert ended.value.code == 2
    assert words[1] in capsys.readouterr().err
