import io
from pathlib import Path

import orjson
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from shop_shared import cli
from shop_shared.server import Service
from shop_shared.settings import ServiceSettings, load_settings


class Settings(ServiceSettings):
    service_name: str = "test"
    database_url: SecretStr


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return tmp_path


def create(settings: Settings) -> Service:
    assert settings.database_url.get_secret_value()
    return Service(app=FastAPI(title="Test"))


def test_the_environment_counts_before_files(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "database_url").write_text("postgresql://file\n")
    assert load_settings(Settings).database_url.get_secret_value() == "postgresql://file"
    monkeypatch.setenv("DATABASE_URL", "postgresql://env")
    assert load_settings(Settings).database_url.get_secret_value() == "postgresql://env"


def test_a_missing_setting_stops_the_start_with_a_line_that_names_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.run(Settings, create, arguments=["serve"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "setting DATABASE_URL: Field required\n"


def test_a_bad_setting_is_named_and_its_value_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/db")
    monkeypatch.setenv("PORT", "secret-port")
    with pytest.raises(SystemExit):
        load_settings(Settings)
    said = capsys.readouterr().err
    assert said.startswith("setting PORT: ")
    assert "secret" not in said


def test_no_secret_in_what_settings_print_as(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/db")
    assert "secret" not in repr(load_settings(Settings))


@pytest.mark.parametrize("word", ["openapi", "asyncapi", "schemas", "settings"])
def test_contracts_need_no_settings(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(Settings, create, arguments=[word])
    assert orjson.loads(capsys.readouterr().out) is not None


def test_each_setting_is_described_by_the_name_that_the_operator_sets() -> None:
    found = {each["name"]: each["description"] for each in cli.describe(Settings)}
    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert found["SERVICE_NAME"] == "Name in logs, metrics, traces and groups"
    assert all(found.values())


def test_contracts_are_utf_8_whatever_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    cli.run(Settings, create, arguments=["settings"])
    assert "…" in out.buffer.getvalue().decode()


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.run(Settings, create, arguments=["--help"])
    assert stopped.value.code == 0
    assert "migrate prepares the database" in capsys.readouterr().out


def test_another_word_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.run(Settings, create, arguments=["bake"])
    assert stopped.value.code == 2
    assert "usage" in capsys.readouterr().err
