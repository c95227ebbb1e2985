"""A server behind the edge that says what reached it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        said = {
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "bytes": len(body),
            "port": self.server.server_port,  # type: ignore[attr-defined]
        }
        text = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("x-secret", "inside")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the base class's names

    def log_message(self, *_: object) -> None:
        """Say nothing: the test says what it asked."""


class _RudeHandler(_Handler):
    def handle_any(self) -> None:
        """Take a request and hang up, as a process that is killed."""
        self.close_connection = True
        self.connection.shutdown(2)

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - the base class's names


class Backend:
    """Runs until it is closed."""

    def __init__(self, *, host: str = "127.0.0.1", rude: bool = False) -> None:
        handler = _RudeHandler if rude else _Handler
        self._server = ThreadingHTTPServer((host, 0), handler)
        self._server.daemon_threads = True
        self.target = f"{host}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
