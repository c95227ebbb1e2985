"""A port of a Service on the cluster, as a port of this machine."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from shop_cluster.errors import ClusterError


@asynccontextmanager
async def forwarded(kubectl: Sequence[str], service: str, port: int) -> AsyncIterator[int]:
    """Forward a port of a Service, and yield it as it is on this machine.

    ``kubectl`` is how to call it, with a namespace. Raises ClusterError.
    """
    process = await asyncio.create_subprocess_exec(
        *kubectl,
        "port-forward",
        f"service/{service}",
        f":{port}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101 - for mypy: both were asked for
    assert process.stderr is not None  # noqa: S101
    try:
        line = (await process.stdout.readline()).decode()
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        if found is None:
            said = (await process.stderr.read()).decode().splitlines() or [line or "no answer"]
            raise ClusterError(f"no way to {service}: {said[-1].strip()}")
        yield int(found[1])
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
