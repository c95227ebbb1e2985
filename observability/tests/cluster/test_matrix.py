"""What each service does is in all three: its metrics, its log lines and its traces."""

import asyncio
from contextlib import suppress
from itertools import count
from uuid import uuid4

import httpx
from shop_journey.customer import Customer
from shop_journey.kubectl import Kubectl

from .test_logs import found
from .test_metrics import answer

SECONDS = 120
ASK_AGAIN = 10
"""After so many looks: a rollout under load may lose a request, or what was told of it."""
# A request of each that it refuses: who comes without a valid token is counted, logged and traced.
GUARDED = {
    "auth": ("GET", "/v1/auth/sessions"),
    "gateway": ("GET", "/v1/orders/01989f6a-0000-7000-8000-00000000000a/summary"),
    "notification": ("GET", "/v1/notifications"),
    "order": ("GET", "/v1/orders"),
    "payment": ("GET", "/v1/payments"),
    "product": ("POST", "/v1/products"),
    "shipping": ("GET", "/v1/shipments"),
    "user": ("GET", "/v1/users/me"),
}
BACKENDS = ("metrics", "logs", "traces")


async def test_every_service_is_in_metrics_logs_and_traces(
    layer: Kubectl, customer: Customer, prometheus: httpx.AsyncClient, zipkin: httpx.AsyncClient
) -> None:
    traces = {service: uuid4().hex for service in GUARDED}
    statuses: dict[str, int] = {}

    async def ask(service: str) -> None:
        method, path = GUARDED[service]
        headers = {
            "Authorization": "Bearer none",
            "traceparent": f"00-{traces[service]}-00f067aa0ba902b7-01",
        }
        with suppress(httpx.TransportError):
            refused = await customer.http.request(method, path, headers=headers, json={})
            statuses[service] = refused.status_code

    async def is_in(backend: str, service: str) -> bool:
        trace = traces[service]
        match backend:
            case "metrics":
                counted = (
                    f'http_requests_total{{namespace="shop",job="{service}",status="401"}} > 0'
                )
                return bool(await answer(prometheus, counted))
            case "logs":
                return bool(await found(layer, f"service:{service}%20AND%20trace_id:{trace}"))
            case _:
                spans = await zipkin.get(f"/trace/{trace}")
                kept = spans.json() if spans.is_success else []
                return any(each["localEndpoint"]["serviceName"] == service for each in kept)

    missing = {(service, backend) for service in traces for backend in BACKENDS}
    try:
        async with asyncio.timeout(SECONDS):
            for look in count():
                if look % ASK_AGAIN == 0:
                    for service in {service for service, _ in missing}:
                        await ask(service)
                missing -= {each for each in missing if await is_in(each[1], each[0])}
                if not missing:
                    break
                await asyncio.sleep(1)
    except TimeoutError:
        told = f"not told after {SECONDS} s: {sorted(missing)}; answered with {statuses}"
        raise AssertionError(told) from None
