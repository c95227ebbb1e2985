"""Health endpoints: alive, ready, started."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import orjson
import structlog
from fastapi import FastAPI, Response

Check = Callable[[], Awaitable[None]]
TIMEOUT = 2.0

_log = structlog.get_logger(__name__)


def install(
    app: FastAPI,
    *,
    required: Mapping[str, Check] | None = None,
    degraded: Mapping[str, Check] | None = None,
) -> None:
    """Add /livez, /readyz and /startupz to app.

    /readyz is 503 while a required check raises or takes more than 2 s; a check of `degraded` (a
    broker) that fails is said in the answer, and the service stays ready.
    """

    async def livez() -> Response:
        return _json({"status": "ok"})

    async def readyz() -> Response:
        needed, wanted = await asyncio.gather(_run(required or {}), _run(degraded or {}))
        ready = all(result == "ok" for result in needed.values())
        whole = all(result == "ok" for result in wanted.values())
        status = "unready" if not ready else "ok" if whole else "degraded"
        return _json({"status": status, "checks": needed | wanted}, 200 if ready else 503)

    for path, endpoint in (("/livez", livez), ("/readyz", readyz), ("/startupz", livez)):
        app.add_api_route(path, endpoint, methods=["GET"], include_in_schema=False)


async def _run(checks: Mapping[str, Check]) -> dict[str, str]:
    async def one(name: str, check: Check) -> tuple[str, str]:
        try:
            async with asyncio.timeout(TIMEOUT):
                await check()
        except Exception as error:  # noqa: BLE001 - whatever a check raises is its answer
            _log.warning("check failed", check=name, error=repr(error))
            return name, type(error).__name__
        return name, "ok"

    return dict(await asyncio.gather(*(one(*item) for item in checks.items())))


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
