"""The eight services over HTTP, on real stores and wired to each other; no consumers."""

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import yaml
from pydantic import SecretStr
from shop_servers.http import client_of

from contract.services import SERVICES, Member
from contract.serving import Address, served, until_ready
from contract.stores import Stores
from shop_auth.keys import KeyRing, new_pem
from shop_shared.server import Service
from shop_shared.testing import Signer

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests" / "shop"


@dataclass
class Shop:
    """Each service starts when its URL is first asked for; the gateway's starts all others."""

    stores: Stores
    folder: Path
    """For the gateway's route table."""
    stack: ExitStack
    pem: str = field(default_factory=new_pem)
    _urls: dict[str, str] = field(default_factory=dict)

    @cached_property
    def signer(self) -> Signer:
        """Someone who has the auth service's key."""
        [key] = KeyRing.from_pem(self.pem).keys
        signer = Signer()
        signer.key, signer.kid = key.private, key.kid
        return signer

    @cached_property
    def _addresses(self) -> dict[str, Address]:
        return {name: self.stack.enter_context(Address.bound()) for name in SERVICES}

    def url(self, name: str) -> str:
        """Return where a service listens."""
        if name not in self._urls:
            address = self._addresses[name]
            member = SERVICES[name]
            self._urls[name] = address.url  # before the others: auth and user ask each other
            self.prepare(member)
            self.stack.enter_context(served(lambda: self.create(member), address))
            if name == "gateway":
                until_ready(address.url)
        return self._urls[name]

    def client(self, name: str) -> httpx.Client:
        """Return a client of a service, to be closed."""
        return client_of(self.url(name))

    def prepare(self, member: Member) -> None:
        """Start what a service asks for keys and answers."""
        self.url("user" if member.name == "auth" else "auth")
        if member.name == "gateway":
            for name in SERVICES.keys() - {"gateway"}:
                self.url(name)

    def create(self, member: Member, **changes: object) -> Service:
        """Wire a service to its stores and to the others, with changes of its settings."""
        settings: dict[str, object] = {
            "jwks_url": f"{self._addresses['auth'].url}/.well-known/jwks.json"
        }
        if member.name == "auth":
            settings |= {
                "signing_keys": SecretStr(self.pem),
                "user_url": self._addresses["user"].url,
            }
        if member.name == "gateway":
            many = "1000000/minute"
            settings |= {
                "routes_file": self._route_table(),
                "rate_limit_user": many,
                "rate_limit_address": many,
            }
        return member.create(self.stores.settings(member).model_copy(update=settings | changes))

    def headers(self, user_id: UUID, *roles: str, **claims: object) -> dict[str, str]:
        """Return a token of a user, a customer unless told, in a session of their own."""
        claims.setdefault("sid", str(user_id))
        return self.signer.headers(user_id, roles or ("customer",), **claims)

    def _route_table(self) -> Path:
        file = self.folder / "routes.json"
        table: list[dict[str, Any]] = []
        for name, address in self._addresses.items():
            route = yaml.safe_load((MANIFESTS / f"{name}.yaml").read_text())["spec"]["route"]
            if name != "gateway":
                table.append(
                    {
                        "service": name,
                        "headless": address.host,
                        "port": address.port,
                        "paths": route["paths"],
                    }
                )
        file.write_text(json.dumps(table))
        return file
