"""A wrong word is told in a line, before anything is done."""

import sys
from pathlib import Path

import pytest
from shop_journey import __main__ as command
from shop_servers.instance import free_port

from shop_cluster.errors import NO_CLUSTER


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


@pytest.mark.parametrize("layer", ["edge", "observability"])
def test_a_layer_that_another_cluster_cannot_have_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], layer: str
) -> None:
    monkeypatch.setenv("CLUSTER", "kind")
    monkeypatch.setattr(command, "run", None)  # nothing is begun
    assert ends(monkeypatch, "up", "--with", layer) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"the layer {layer} is made for the embedded cluster; elsewhere " in said


@pytest.mark.parametrize("words", [["gitops-push"], ["gitops-down"], ["dev"], ["dev-down"]])
def test_where_there_is_no_cluster_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: list[str],
) -> None:
    monkeypatch.setenv("CLUSTER", "embedded")
    monkeypatch.setenv("MINISHOP_STATE", str(tmp_path))
    assert ends(monkeypatch, *words) == 1
    assert NO_CLUSTER in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("word", ["walk", "order"])
def test_where_no_shop_answers_nothing_is_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    shop = f"http://127.0.0.1:{free_port()}"
    assert ends(monkeypatch, "--shop", shop, word) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert f"no shop answers at {shop}: run `make up` first" in said


@pytest.mark.parametrize(
    "words", [("-n", "0"), ("-n", "many"), ("--rate", "0"), ("--rate", "-1"), ("--rate", "nan")]
)
def test_orders_that_cannot_be_counted_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        ends(monkeypatch, "order", *words)
    assert ended.value.code == 2
    assert f"{words[1]}: it is a" in capsys.readouterr().err
