"""For any spec that the API server accepts: its children are accepted, and applying is final."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings

from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import kind_of
from shop_operator.api.schemas import Schemas
from shop_operator.apply.children import with_applied_hash
from shop_operator.apply.diff import differences
from shop_operator.children.access_secret import Access, Login
from shop_operator.metadata import Manifest
from shop_operator.render import render
from shop_operator.spec import parse

from ..unit.specs import NAMES, service, specs  # noqa: TID252 - tests are no installed package
from .shop import Shop

LOGIN = Login("user", "pass")
ACCESS = Access("owner", "capture", LOGIN, LOGIN)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=NAMES, spec=specs())
def test_children_are_accepted_and_differ_in_nothing(
    shop: Shop, name: str, spec: dict[str, Any]
) -> None:
    async def check() -> None:
        async with ApiClient(connection.login) as client:
            schemas = Schemas(client, seconds=60)
            await schemas.read()
            body = service(name, spec, namespace=shop.namespace)
            del body["metadata"]["uid"], body["metadata"]["generation"]
            accepted = parse(await client.apply(body, dry_run=True, manager="user"))
            children: list[Manifest] = render(accepted, shop.platform, ACCESS)
            for child in map(with_applied_hash, children):
                applied = await client.apply(child, dry_run=True)
                assert differences(child, applied, schemas.of(kind_of(child))) == []
                assert differences(child, applied) == []  # by rule, where OpenAPI is not readable

    asyncio.run(check())
