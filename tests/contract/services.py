"""The eight services as they are wired, in this process and with nothing to connect to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from shop_shared.cli import sample_settings
from shop_shared.messaging.asyncapi import Contract
from shop_shared.messaging.consumer import consume
from shop_shared.server import Service
from shop_shared.settings import ServiceSettings

FOLDER = Path(__file__).resolve().parents[2] / "services"


@dataclass(frozen=True)
class Member:
    """One of the eight: its code, and its folder with the contracts that are checked in."""

    name: str

    @cached_property
    def main(self) -> ModuleType:
        """The module that wires it."""
        return import_module(f"shop_{self.name}.main")

    @property
    def folder(self) -> Path:
        """Where its contracts are checked in."""
        return FOLDER / self.name

    @cached_property
    def contract(self) -> Contract:
        """Its events. The gateway's only use of one is to forget what it knows."""
        contract: Contract = getattr(self.main, "CONTRACT", None) or self.create().contract
        return contract

    @cached_property
    def openapi(self) -> Mapping[str, Any]:
        """Its OpenAPI document, made once: it takes a second."""
        document: Mapping[str, Any] = self.create().app.openapi()
        return document

    @property
    def settings(self) -> type[ServiceSettings]:
        """The settings it is created with."""
        module = import_module(f"shop_{self.name}.settings")
        kind: type[ServiceSettings] = (
            module.GatewaySettings if self.name == "gateway" else module.Settings
        )
        return kind

    def create(self, settings: ServiceSettings | None = None) -> Service:
        """Wire it, with placeholders for settings unless told."""
        create: Callable[[ServiceSettings], Service] = self.main.create
        return create(settings or sample_settings(self.settings))

    def __str__(self) -> str:
        return self.name


SERVICES: Mapping[str, Member] = {
    name: Member(name)
    for name in (
        "user",
        "auth",
        "product",
        "order",
        "payment",
        "shipping",
        "notification",
        "gateway",
    )
}


def consumer_of(service: Service) -> dict[str, Any]:
    """Return what the service's Kafka consumer was wired with: `topics`, `handlers`, `group`."""
    [consumer] = [
        task.keywords
        for task in service.background
        if isinstance(task, partial) and task.func is consume
    ]
    return consumer
