"""The command every service's image answers to: serve (default), migrate, and its contracts."""

import argparse
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from shop_shared.messaging.asyncapi import Contract, document
from shop_shared.server import Service
from shop_shared.settings import ServiceSettings, load_settings

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)

WORDS = ("serve", "migrate", "openapi", "asyncapi", "schemas", "settings")
WHAT = """
serve listens (the default); migrate prepares the database and ends; openapi, asyncapi, schemas and
settings print as JSON what the service's API, its events and its settings are.
"""


def run(
    settings_type: type[SettingsT],
    create: Callable[[SettingsT], Service],
    *,
    contract: Contract | None = None,
    migrate: Callable[[SettingsT], None] | None = None,
    arguments: list[str] | None = None,
) -> None:
    """Do what the one word on the command line says. Exits with 2 on any other.

    Create is main.py's wiring and must not connect. The service it makes has the contract; one that
    is given here counts instead. `openapi`, `asyncapi`, `schemas` and
    `settings` print JSON and need no settings.
    """
    parser = argparse.ArgumentParser(description=WHAT)
    parser.add_argument("word", nargs="?", choices=WORDS, default="serve")
    word = parser.parse_args(arguments).word
    if word == "serve":
        from shop_shared import server  # noqa: PLC0415 - loads what only serving needs

        settings = load_settings(settings_type)
        server.run(create(settings), settings)
    elif word == "migrate":
        if migrate is not None:
            migrate(load_settings(settings_type))
    elif word == "settings":
        _print(describe(settings_type))
    else:
        service = create(sample_settings(settings_type))
        app, events = service.app, contract or service.contract
        if word == "openapi":
            _print(app.openapi())
        elif word == "schemas":
            _print(
                {
                    payload.type: payload.model_json_schema(mode="serialization")
                    for payload in events.publishes
                }
            )
        else:
            _print(document(events, title=app.title, version=app.version))


def describe(settings_type: type[ServiceSettings]) -> list[dict[str, Any]]:
    """Return a row a setting: name, type, default, required, description; the docs show it."""
    properties = settings_type.model_json_schema()["properties"]
    inherited = ServiceSettings.model_fields
    return [
        {
            "name": _variable(name, field),
            "required": field.is_required(),
            "default": None if field.is_required() else field.get_default(),
            "type": properties.get(name, {}).get("type", "string"),
            "description": field.description
            or (inherited[name].description if name in inherited else ""),
        }
        for name, field in settings_type.model_fields.items()
    ]


def _variable(name: str, field: FieldInfo) -> str:
    """Return the environment variable that a setting is read from first."""
    alias = field.validation_alias
    return (str(alias.choices[0]) if isinstance(alias, AliasChoices) else name).upper()


def sample_settings(settings_type: type[SettingsT]) -> SettingsT:
    """Make settings with placeholders for what is required, to build an app that serves nobody."""
    samples: dict[str, Any] = {}
    for name, field in settings_type.model_fields.items():
        if field.is_required():
            url = f"{name.removesuffix('_url')}://sample:1" if name.endswith("_url") else "sample"
            url = url.replace("database://", "postgresql://").replace("rabbitmq://", "amqp://")
            url = str(field.examples[0]) if field.examples else url
            samples[name] = SecretStr(url) if field.annotation is SecretStr else url
    settings: SettingsT = settings_type.model_construct(**samples)  # type: ignore[assignment]  # pydantic's plugin forgets the subclass
    return settings


def _print(value: object) -> None:
    option = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
    sys.stdout.buffer.write(
        orjson.dumps(value, default=str, option=option) + b"\n"
    )  # JSON is UTF-8
