"""A store that fails now and then: a server before a store's server, and a store in memory."""

import contextlib
import functools
import http.client
import http.server
import random
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult

HOP = ("content-length", "transfer-encoding", "connection", "date", "server", "host")  # headers that are not passed on

Answer = tuple[int, dict[str, str], bytes]  # status, headers, content


class Passing(http.server.BaseHTTPRequestHandler):
    """Passes each request on to another server."""

    protocol_version = "HTTP/1.1"
    to: SplitResult

    def answer(self, body: bytes) -> Answer | None:
        """The answer to this request; None to close the connection without one."""
        return self.forward(self.command, self.path, dict(self.headers), body)

    def forward(self, command: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self.to.hostname or "", self.to.port, timeout=60)
        kept = {name: value for name, value in headers.items() if name.lower() not in HOP}
        connection.request(command, path, body, kept | {"Content-Length": str(len(body))})
        with connection.getresponse() as response:
            return response.status, dict(response.getheaders()), response.read()

    def handle_one(self) -> None:
        answer = self.answer(self._body())
        if answer is None:
            self.close_connection = True
            return
        status, headers, content = answer
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in HOP:
                self.send_header(name, value)
        length = headers.get("Content-Length", 0) if self.command == "HEAD" else len(content)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    """Runs a server in a thread; yields its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a client has gone
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Flaky:
    """A bucket of which a share of the requests fails for good, half of them after they were done."""

    share, random = 0.0, random.Random(0)
    failed: list[str] = []  # noqa: RUF012

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return functools.partial(self._call, name)

    def _call(self, name: str, *arguments: Any, **options: Any) -> Any:
        if self.random.random() < self.share:
            if len(self.failed) % 2:
                getattr(self._store, name)(*arguments, **options)
            self.failed.append(name)
            raise ConnectionError("the store is busy")
        return getattr(self._store, name)(*arguments, **options)
