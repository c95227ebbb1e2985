"""The last line that a container logged, read once for each failure."""

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from shop_operator.api.api_client import ApiClient
from shop_operator.api.api_errors import ApiError

_log = structlog.get_logger()
_REMEMBERED: Final = 1024
_LENGTH: Final = 300
_LOOKED_AT: Final = 4096
"""Characters of a line that are searched for passwords: more of one that has many addresses would
take seconds, in which nothing else is done."""
_HIDDEN: Final = "***"
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_BELOW_AN_ERROR: Final = "(Background on this error at: https://sqlalche.me/"
_STATEMENT: Final = "[SQL: "
"""What SQLAlchemy, by which most migrations fail, writes below what went wrong."""
_URL_PASSWORD: Final = re.compile(r"(://[^:/@\s]*:)[^@\s]+(@)")
_NAMED_SECRET: Final = re.compile(
    r"(?i)((?:password|passwd|pwd|secret|token|api[_-]?key|authorization)\W{0,4}[=:]\W{0,4})"
    r"(?:bearer\s+)?[^\s\"',;&}]+"
)


@dataclass(frozen=True, slots=True)
class LogSource:
    """The log of one run of a container, and what makes this failure another than the one before.

    `previous` asks for the run before the present one.
    """

    namespace: str
    pod: str
    container: str
    previous: bool
    failure: str


class PodLogs:
    """Reads logs through the API server; remembers what it read."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._read: OrderedDict[LogSource, str] = OrderedDict()

    async def last_line(self, source: LogSource) -> str:
        """Return the last line of a log, or how it begins; empty when it can't be read."""
        known = self._read.get(source)
        if known is not None:
            self._read.move_to_end(source)
            return known
        try:
            text = await self._client.log(
                source.namespace, source.pod, source.container, previous=source.previous
            )
        except ApiError as error:
            _log.info("log not read", pod=source.pod, status=error.status, error=str(error))
            if error.temporary:
                return ""
            text = ""
        line = last_line_of(text)
        self._read[source] = line
        while len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)
        return line


def last_line_of(text: str) -> str:
    """Return the last line that is not blank, without control characters and without passwords.

    Of an error of SQLAlchemy's, the line that says what went wrong.
    """
    lines = [
        line for line in (_ESCAPES.sub("", each).strip() for each in text.splitlines()) if line
    ]
    if len(lines) > 1 and lines[-1].startswith(_BELOW_AN_ERROR):
        del lines[-1]
        begun = [at for at, line in enumerate(lines) if line.startswith(_STATEMENT)]
        if begun and begun[-1] and lines[-1].endswith("]"):
            del lines[begun[-1] :]
    if not lines:
        return ""
    line = _URL_PASSWORD.sub(rf"\1{_HIDDEN}\2", lines[-1][:_LOOKED_AT])
    return _NAMED_SECRET.sub(rf"\1{_HIDDEN}", line)


def redacted(text: str, secrets: Iterable[str | None]) -> str:
    """Return the text without any of these passwords, at most 300 characters of it."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, _HIDDEN)
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"
