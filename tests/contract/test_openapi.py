"""Each service answers as its OpenAPI document says, to whatever the document allows."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from contract.services import SERVICES, Member
from contract.serving import served
from contract.stores import Stores
from shop_shared.testing import Signer

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 10
ROLES = ("customer", "staff", "admin", "service")
CALLER = UUID(int=7)

# The gateway's own two routes are made of other services' answers: its integration tests have them.
MEMBERS = [member for member in SERVICES.values() if member.name != "gateway"]


@dataclass(frozen=True)
class Operation:
    """An operation of a service's document."""

    member: Member
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.member} {self.method.upper()} {self.path}"


OPERATIONS = [
    Operation(member, method, path)
    for member in MEMBERS
    for path, methods in member.create().app.openapi()["paths"].items()
    for method in methods
]


@dataclass
class Shop:
    """The services on real stores; each starts when first called."""

    stores: Stores
    signer: Signer
    session: requests.Session
    stack: ExitStack
    urls: dict[str, str] = field(default_factory=dict)

    def url(self, member: Member) -> str:
        """Return where a service listens."""
        if member.name not in self.urls:
            verifier = self.signer.verifier()
            server = served(lambda: self.stores.create(member, verifier))
            self.urls[member.name] = self.stack.enter_context(server)
        return self.urls[member.name]

    def headers(self) -> dict[str, str]:
        """Return a token that may do everything."""
        return self.signer.headers(CALLER, ROLES, sid=str(CALLER))


@pytest.fixture(scope="module")
def shop(stores: Stores, signer: Signer) -> Iterator[Shop]:
    with ExitStack() as stack:
        yield Shop(stores, signer, stack.enter_context(requests.Session()), stack)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_answers_are_as_documented(operation: Operation, shop: Shop) -> None:
    url = shop.url(operation.member)
    document: dict[str, Any] = operation.member.create().app.openapi()
    schema = schemathesis.openapi.from_dict(document)
    cases = schema[operation.path][operation.method.upper()].as_strategy(
        generation_mode=GenerationMode.POSITIVE
    )

    # Derandomised and without a database of examples: the same requests at every run.
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def answers(case: Case[Any]) -> None:
        headers = shop.headers()
        response = case.call(base_url=url, session=shop.session, headers=headers, timeout=30)
        case.validate_response(response, checks=CHECKS)

    answers()
