"""HTTP/1.1 as uvicorn speaks it, with limits on a request's head: its size, its fields, its time.

uvicorn's parser (llhttp) has none: it would collect a head of any size, for as long as it takes.
Refused are a target that is too long (414), too many or too large fields (431), and a head that is
not there in time (408); a connection on which nothing was ever said is closed without a word.

Refused is too what llhttp takes and RFC 9112 does not: a missing, repeated or malformed Host (3.2),
a transfer coding beside `chunked` (6.1), another version of HTTP (RFC 9110, 15.6.6).

A request that offers another protocol (`Upgrade: h2c`, as Java's client does) is answered as any
other: an upgrade may be ignored (RFC 9110, 7.8).
"""

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shop_shared.http import problems

MAX_TARGET_BYTES = 8 * 1024
"""RFC 9112, section 3: at least 8,000 octets."""
MAX_FIELDS = 100
MAX_FIELDS_BYTES = 32 * 1024
"""Names and values of all header fields together."""
HEAD_SECONDS = 10.0
"""From the first byte of a request, or the connection's beginning, to the end of its head."""

LINGER_SECONDS = 2.0

_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")
"""The characters of `uri-host [ ":" port ]` (RFC 9110, 7.2; RFC 3986, 3.2.2)."""


_NO_PATH = re.compile(rb"(https?://[^/?#]+)(\?.*)?", re.IGNORECASE)
"""A target in absolute form whose path is empty, which means `/` (RFC 9110, 4.2.3)."""


class _HeadRefusedError(Exception):
    """Stops the parser; the status to answer is the protocol's `_refused`."""


class _Parser(HttpRequestParser):
    """llhttp that never leaves HTTP/1.1.

    Where an upgrade is offered, llhttp stops behind the head and leaves the body unread. The head
    is parsed once more without the offer, and then what follows it.
    """

    def __init__(self, protocol: object, *, plain_head: Callable[[], bytes]) -> None:
        super().__init__(protocol)
        self._plain_head = plain_head

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]  # asyncio gives bytes
        """Parse what has come. Raises HttpParserError."""
        while True:
            try:
                super().feed_data(data)
            except HttpParserUpgrade as offered:
                data = self._plain_head() + data[offered.args[0] :]
            else:
                return


class LimitedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, given to `uvicorn.Config(http=LimitedHttpProtocol)`."""

    head_seconds = HEAD_SECONDS

    _in_head = False
    _head_bytes = 0
    _target_bytes = 0
    _fields = 0
    _field_bytes = 0
    _refused = 0
    _lingering = False
    _timer: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*args, **kwargs)
        self.parser = _Parser(self, plain_head=self._plain_head)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own narrowing
        """Begin a connection: its first head must be there in time."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come; refuse a head that is too large before it is complete."""
        if self._lingering:
            return
        begun_before = self._in_head
        super().data_received(data)
        if self.parser is None or self._lingering or self.transport.is_closing():
            return
        if self._in_head and begun_before:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_FIELDS_BYTES + MAX_TARGET_BYTES:
                self._refuse(431)
        elif (
            not self._in_head
            and self._idle()
            and self.timeout_keep_alive_task is None
            and self._timer is None  # the next blank line gives no more time
        ):
            self._start_timer()  # blank lines between two requests are no request

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._target_bytes = True, 0, 0
        self._fields = self._field_bytes = 0
        self._start_timer()

    def on_url(self, url: bytes) -> None:
        """Take a part of the target. Raises for one that is too long."""
        self._target_bytes += len(url)
        if self._target_bytes > MAX_TARGET_BYTES:
            self._refused = 414
            raise _HeadRefusedError
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field. Raises when they are too many or too large.

        A trailer field counts and is dropped: it comes when the head has been acted on already.
        Spaces behind a value are no part of it (RFC 9112, 5.1); llhttp leaves them there.
        """
        self._fields += 1
        self._field_bytes += len(name) + len(value)
        if self._fields > MAX_FIELDS or self._field_bytes > MAX_FIELDS_BYTES:
            self._refused = 431
            raise _HeadRefusedError
        if self._in_head:
            super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        """End the head and call the application. Raises for a head that RFC 9112 forbids."""
        self._in_head = False
        self._stop_timer()
        self._refused = self._against_the_rules()
        if self._refused:
            raise _HeadRefusedError
        if short := _NO_PATH.fullmatch(self.url):
            self.url = short[1] + b"/" + (short[2] or b"")
        if not self.parser.should_upgrade():  # else it comes again, without the offer
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refuses: 400, or the status of the limit that was passed."""
        self._refuse(self._refused or 400, msg)

    def _plain_head(self) -> bytes:
        """Return the head that was just parsed, without the offer of another protocol."""
        version = self.parser.get_http_version().encode()
        fields = [b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade"]
        request = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, version)
        return request + b"".join(fields) + b"\r\n"

    def _against_the_rules(self) -> int:
        """Return the status that refuses the head, or 0."""
        if self.parser.get_method() == b"CONNECT":  # nobody is connected to anything here
            return HTTPStatus.BAD_REQUEST
        version = self.parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or not all(map(_HOST.fullmatch, hosts)):
            return HTTPStatus.BAD_REQUEST
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if version == "1.0":
            return HTTPStatus.BAD_REQUEST if codings else 0
        if not hosts:
            return HTTPStatus.BAD_REQUEST
        return 0 if codings in ([], [b"chunked"]) else HTTPStatus.NOT_IMPLEMENTED

    def _give_up_request(self) -> None:
        """Tell the application of a request whose body cannot be read on that its client left.

        Nothing that it may still answer is sent.
        """
        if self.cycle is not None and not self.cycle.response_started and not self.pipeline:
            self.cycle.disconnected = self.cycle.response_complete = True
            self.cycle.waiting_for_100_continue = False
            self.cycle.message_event.set()

    def _refuse(self, status: int, detail: str | None = None) -> None:
        """Answer with a problem and close, unless an answer of before is still being sent."""
        self._stop_timer()
        self._give_up_request()
        if self._idle():
            answer = problems.response(problems.of_status(status, _DETAILS.get(status, detail)))
            fields = [*self.server_state.default_headers, *answer.raw_headers]
            phrase = HTTPStatus(status).phrase.encode()
            self.transport.write(
                b"HTTP/1.1 %d %b\r\n" % (status, phrase)
                + b"".join(b"%b: %b\r\n" % field for field in fields)
                + b"connection: close\r\n\r\n"
                + bytes(answer.body)
            )
            self._linger()
        else:
            self.transport.close()

    def _linger(self) -> None:
        """Take and drop what still comes for a moment.

        A close at once, with data unread, would make TCP take back the answer (RFC 9112, 9.6).
        """
        self._lingering = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self.head_seconds, self._late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        if not self._idle():  # an answer of before is still being sent
            self._start_timer()
        elif self._in_head:
            self._refuse(408)
        else:
            self.transport.close()


_DETAILS = {
    501: "Of transfer codings only `chunked` is understood.",
    505: "HTTP/1.1 and HTTP/1.0 are spoken here.",
    408: "The request's header fields did not come in time.",
    414: f"A target may have {MAX_TARGET_BYTES} bytes.",
    431: f"At most {MAX_FIELDS} header fields of {MAX_FIELDS_BYTES} bytes together.",
}
