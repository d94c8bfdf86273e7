"""A server before a store's server that answers some requests with 503: Service Unavailable."""

import contextlib
import http.client
import http.server
import itertools
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


@contextlib.contextmanager
def flaky(url: str, every: int) -> Iterator[tuple[str, list[str]]]:
    """Passes requests on, except that one of so many is refused. Every other one of these is done all the same.

    Yields:
      The URL to use, and the requests that were refused.
    """
    store, refused, numbers = urlsplit(url), [], itertools.count(1)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self._body()
            number = next(numbers)
            is_refused = number % every == 0
            if is_refused:
                refused.append(f"{self.command} {self.path}")
            if not is_refused or len(refused) % 2 == 0:
                status, headers, content = self._forward(body)
            if is_refused:
                status, headers, content = 503, [("Content-Type", "application/xml")], BUSY
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            length = dict(headers).get("Content-Length") if self.command == "HEAD" and not is_refused else len(content)
            self.send_header("Content-Length", str(length or 0))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = handle_one

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(store.hostname or "", store.port, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "transfer-encoding"}
            connection.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
            with connection.getresponse() as answer:
                return answer.status, answer.getheaders(), answer.read()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a client has gone
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", refused
    finally:
        server.shutdown()
        server.server_close()
