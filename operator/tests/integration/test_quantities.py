"""Quantities are compared as amounts, however they are spelled."""

import asyncio
import copy

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop_operator.api import connection
from shop_operator.api.api_client import ApiClient
from shop_operator.api.kinds import DEPLOYMENT
from shop_operator.api.schemas import Schemas
from shop_operator.apply.diff import differences
from shop_operator.apply.quantity import amount_of
from shop_operator.metadata import Manifest

from .shop import Shop

WRITTEN = {"P": 10**6, "E": 10**3}


def is_written(quantity: str) -> bool:
    """Tell whether Kubernetes writes it as it is: 10^21 or more, 1000E, it writes without unit."""
    number, unit = quantity[:-1], quantity[-1]
    return unit not in WRITTEN or float(number) < WRITTEN[unit]


QUANTITIES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "+"]),
        st.one_of(
            st.integers(0, 10**6).map(str),
            st.from_regex(r"[0-9]{1,4}\.[0-9]{0,9}", fullmatch=True),
            st.from_regex(r"\.[0-9]{1,9}", fullmatch=True),
        ),
        st.one_of(
            st.sampled_from(["", *"numkMGTPE", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]),
            st.from_regex(r"[eE][+-]?[0-9]", fullmatch=True),
        ),
    ),
).filter(is_written)


async def test_odd_quantities_are_as_declared(shop: Shop) -> None:
    resources = {
        "requests": {"cpu": "2.5m", "memory": "1e7", "ephemeral-storage": "0.5Gi"},
        "limits": {"memory": "0.25Gi", "cpu": "1.50"},
    }
    template = {
        "spec": {"volumes": [{"name": "odd", "emptyDir": {"sizeLimit": "1500.5Mi"}}]},
    }
    await shop.start()
    await shop.declare("odd", resources=resources, template=template)
    await shop.settled("odd")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cpu=QUANTITIES, memory=QUANTITIES, size=QUANTITIES)
def test_every_spelling_of_a_quantity_is_as_declared(
    shop: Shop, cpu: str, memory: str, size: str
) -> None:
    async def check() -> None:
        async with ApiClient(connection.login) as client:
            schemas = Schemas(client, seconds=60)
            await schemas.read()
            pod = {
                "containers": [
                    {
                        "name": "service",
                        "image": "a:1",
                        "resources": {"requests": {"cpu": cpu, "memory": memory}},
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": size}}],
            }
            labels = {"app": "odd"}
            desired: Manifest = {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "odd", "namespace": shop.namespace},
                "spec": {
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": pod},
                },
            }
            made = await client.apply(desired, dry_run=True)
            assert differences(desired, made, schemas.of(DEPLOYMENT)) == []
            assert differences(desired, made) == []  # by rule, too
            other = copy.deepcopy(desired)
            pod = other["spec"]["template"]["spec"]
            pod["containers"][0]["resources"]["requests"]["cpu"] = f"1{cpu.lstrip('+')}"
            is_same = amount_of(f"1{cpu.lstrip('+')}") == amount_of(cpu)
            assert (differences(other, made, schemas.of(DEPLOYMENT)) == []) == is_same

    asyncio.run(check())
