"""What services logged about a trace, read from OpenSearch, where rsyslog or Logstash brings it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

_INDICES: Final = "logs-*"
_MOST: Final = 500
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


class LogStoreError(Exception):
    """The store of logs does not answer, or says something that no search answers."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a service logged in a trace."""

    time: str
    service: str
    level: str
    event: str
    trace_id: str
    message: str


async def lines_of(url: str, traces: Iterable[str]) -> list[LogLine]:
    """Return at most 500 log lines of these traces, oldest first.

    `url` is OpenSearch's or Elasticsearch's. Raises LogStoreError.
    """
    query = {
        "size": _MOST,
        "sort": [{"@timestamp": "asc"}],
        "query": {"terms": {"trace_id": sorted(traces)}},
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.post(f"{url.rstrip('/')}/{_INDICES}/_search", json=query) as answer,
        ):
            answer.raise_for_status()
            return [_line(hit["_source"]) for hit in (await answer.json())["hits"]["hits"]]
    except (aiohttp.ClientError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise LogStoreError(f"the logs at {url} can't be read ({reason})") from error
    except (KeyError, TypeError, ValueError) as error:
        raise LogStoreError(f"{url} does not answer as a store of logs does") from error


def text(lines: Iterable[LogLine]) -> Iterator[str]:
    """Yield a line of text for each."""
    for line in lines:
        yield f"{line.time}  {line.service:<13}{line.level:<8} {line.event or line.message}"


def _line(source: dict[str, Any]) -> LogLine:
    return LogLine(
        time=source["@timestamp"],
        service=source.get("service", ""),
        level=source.get("level", ""),
        event=source.get("event", ""),
        trace_id=source["trace_id"],
        message=source.get("message", ""),
    )
