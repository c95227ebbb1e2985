"""Each service answers as its OpenAPI document says, to whatever the document allows."""

import os
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
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

from contract.routes import ROLES
from contract.services import SERVICES, Member
from contract.shop import Shop

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = int(os.environ.get("EXAMPLES", "10"))
CALLER = UUID(int=7)


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
    for member in SERVICES.values()
    for path, methods in member.openapi["paths"].items()
    for method in methods
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_each_part_of_a_query_is_explained(operation: Operation) -> None:
    found = operation.member.openapi["paths"][operation.path][operation.method]
    for parameter in found.get("parameters", ()):
        assert parameter["in"] != "query" or parameter.get("description"), parameter["name"]


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_answers_are_as_documented(
    operation: Operation, shop: Shop, session: requests.Session
) -> None:
    url = shop.url(operation.member.name)
    schema = schemathesis.openapi.from_dict(deepcopy(dict(operation.member.openapi)))
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
        headers = shop.headers(CALLER, *ROLES)
        response = case.call(base_url=url, session=session, headers=headers, timeout=60)
        case.validate_response(response, checks=CHECKS)

    answers()
