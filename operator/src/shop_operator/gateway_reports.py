"""What the pods of gateways serve: each is asked over HTTP at `routeTable.statusPath`.

A table that is written is not yet served: the kubelet takes up to 90 s to bring it to a pod, unless
it is hastened, and the gateway then has to look the service's pods up.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import aiohttp

from shop_operator.api.cache import Cache
from shop_operator.api.kinds import POD
from shop_operator.gateway_report import (
    HASTEN_SECONDS,
    HASTENS_UNHEARD,
    Report,
    UnreadableReportError,
    Wanted,
)
from shop_operator.spec import Key, ShopService

Query = Sequence[tuple[str, str]]
Ask = Callable[[str, Query], Awaitable[bytes]]
"""GETs a URL with a query and returns the answer's body. Raises UnreadableReportError."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=3)
_MOST_BYTES: Final = 4 * 1024 * 1024
_SERVICES_AT_ONCE: Final = 50
_PODS_OF_EACH: Final = 2
"""An address is some 30 bytes of the request's target, and servers take 8 KiB of that."""


class GatewayReports:
    """The last answer of each ready pod of each gateway."""

    def __init__(self, cache: Cache, *, ask: Ask | None = None) -> None:
        self._cache = cache
        self._ask = ask or fetch
        self._reports: dict[Key, dict[str, Report]] = {}

    def of(self, gateway: Key) -> Collection[Report]:
        """Return what a gateway's ready pods said, as far as they were looked at."""
        return self._reports.get(gateway, {}).values()

    def ready_addresses(self, service: Key) -> frozenset[str]:
        """Return the addresses of a service's ready pods."""
        return frozenset(pod["ip"] for pod in self._cache.of(POD, service) if pod["ip"])

    def forget_addresses(self, service: Key) -> None:
        """Forget who knows a service's pods: it has none, and the next ones are to be seen anew."""
        for gateway, reports in self._reports.items():
            for report in reports.values() if gateway.namespace == service.namespace else ():
                report.forget_addresses(service.name)

    def forget_others(self, namespace: str, gateways: Collection[Key]) -> None:
        """Forget all gateways of a namespace but these."""
        for key in [key for key in self._reports if key.namespace == namespace]:
            if key not in gateways:
                del self._reports[key]

    async def refresh(self, gateway: ShopService, wanted: Wanted, *, changed: bool) -> float | None:
        """Ask each ready pod of which it is not known that it serves what is wanted.

        `changed` says that the table was just written. Returns the seconds after which to look
        again; None if every pod serves it, or can't tell.
        """
        pods = {pod["metadata"]["uid"]: pod for pod in self._cache.of(POD, gateway.key)}
        ready = {uid: pod for uid, pod in pods.items() if pod["ip"]}
        before = self._reports.get(gateway.key, {})
        reports = {
            uid: before.get(uid) or Report(pod["metadata"]["name"]) for uid, pod in ready.items()
        }
        self._reports[gateway.key] = reports
        for report in reports.values():
            report.hastens = HASTENS_UNHEARD if changed else report.hastens
        table = gateway.spec.route_table
        if table is None or table.status_path is None:
            return HASTEN_SECONDS if any(each.hastens for each in reports.values()) else None
        where = f":{gateway.spec.port}{table.status_path}"
        await asyncio.gather(
            *(
                self._look(report, f"http://{_host(ready[uid]['ip'])}{where}", wanted)
                for uid, report in reports.items()
                if not report.serves(wanted)
            )
        )
        now = time.monotonic()
        waits = [report.wait(wanted, now) for report in reports.values()]
        return min((wait for wait in waits if wait is not None), default=None)

    def to_hasten(self, gateway: Key, wanted: Wanted) -> list[str]:
        """Return the pods to be told now that there is another table."""
        now = time.monotonic()
        return [report.pod for report in self.of(gateway) if report.hasten(wanted, now)]

    async def _look(self, report: Report, url: str, wanted: Wanted) -> None:
        """Store what a pod answers. Of one that does not, what it said before stays known."""
        unreached = sorted(report.unreached(wanted))[:_SERVICES_AT_ONCE]
        query = [
            ("address", address)
            for name in unreached
            for address in sorted(wanted.addresses[name])[:_PODS_OF_EACH]
        ]
        try:
            report.take(await self._ask(url, query), unreached)
        except UnreadableReportError as error:
            report.error = str(error)


async def fetch(url: str, query: Query) -> bytes:
    """Return what a URL answers. Raises UnreadableReportError."""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as http,
            http.get(url, params=query, allow_redirects=False) as answer,
        ):
            if not answer.ok:
                raise UnreadableReportError(f"it answers {answer.status} at {url}")
            body = b""
            async for piece in answer.content.iter_any():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise UnreadableReportError(f"its answer at {url} is too long")
            return body
    except (aiohttp.ClientError, TimeoutError) as error:
        raise UnreadableReportError(f"it does not answer at {url}: {error!r}") from error


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
