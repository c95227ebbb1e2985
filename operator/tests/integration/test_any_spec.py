"""For any spec that the API server accepts: its children are accepted, and applying is final."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings

from shop_operator import connection
from shop_operator.children.access_secret import Access, Login
from shop_operator.children.metadata import Manifest
from shop_operator.cluster import Cluster
from shop_operator.diff import differences
from shop_operator.render import render
from shop_operator.spec import parse
from shop_operator.sync import stamped

from ..unit.specs import NAMES, service, specs  # noqa: TID252 - tests are no installed package
from .conftest import Shop

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
        async with Cluster(connection.login) as cluster:
            body = service(name, spec, namespace=shop.namespace)
            del body["metadata"]["uid"], body["metadata"]["generation"]
            accepted = parse(await cluster.apply(body, dry_run=True, manager="user"))
            children: list[Manifest] = render(accepted, shop.platform, ACCESS)
            for child in map(stamped, children):
                applied = await cluster.apply(child, dry_run=True)
                assert differences(child, applied) == []

    asyncio.run(check())
