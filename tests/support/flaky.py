"""A store that fails now and then: a server before a store's server, and a store in memory."""

import contextlib
import http.client
import http.server
import itertools
import random
import re
import threading
from collections.abc import Iterator, Sequence
from typing import IO, Any
from urllib.parse import urlsplit

from memory_store import MemoryStore

KINDS = ("503", "503 but done", "429", "no answer but done")  # of failures, in turn
BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"


@contextlib.contextmanager
def flaky(url: str, share: float, seed: int = 0, passed: list[str] | None = None) -> Iterator[tuple[str, list[str]]]:
    """Passes requests on, except that this share of them, at random, fails. Half of these are done all the same.

    Args:
      url: Of the store's server.
      share: From 0 to 1.
      seed: Decides which requests fail.
      passed: Gets a line for each request that is passed on: its status, its method and its path.

    Yields:
      The URL to use, and the requests that were refused.
    """
    store, refused, numbers = urlsplit(url), [], itertools.count(1)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self._body()
            is_refused = random.Random(f"{seed} {next(numbers)}").random() < share
            kind = KINDS[len(refused) % len(KINDS)] if is_refused else ""
            if is_refused:
                refused.append(f"{self.command} {self.path}")
            if not is_refused or "done" in kind:
                status, headers, content = self._forward(_numbered(body) if self.path.startswith("/batch/") else body)
                if passed is not None:
                    passed.append(f"{status} {self.command} {self.path}")
            if kind.startswith("no answer"):
                self.close_connection = True
                return
            if is_refused:
                status, headers, content = int(kind[:3]), [("Content-Type", "application/xml")], BUSY
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


def _numbered(batch: bytes) -> bytes:
    """A batch of requests whose parts have numbers: the emulator leaves those without one out, as Google's does not."""
    head = b"Content-Type: application/http\n"
    numbers = itertools.count(1)
    return re.sub(head, lambda _: head + b"Content-ID: <%d>\n" % next(numbers), batch)


class FlakyMemory(MemoryStore):
    """A store in memory of which a share of the requests fails for good, half of them after they were done."""

    share, random = 0.0, random.Random(0)
    failed: list[str] = []  # noqa: RUF012

    def _fail(self, request: str) -> None:
        self.failed.append(request)
        raise ConnectionError("the store is busy")

    def _call(self, name: str, *arguments: Any) -> Any:
        method = getattr(super(), name)
        if self.random.random() >= self.share:
            return method(*arguments)
        if len(self.failed) % 2:
            method(*arguments)
        return self._fail(name)

    def state(self, bucket: str, key: str) -> Any:
        return self._call("state", bucket, key)

    def read(self, bucket: str, key: str) -> Any:
        return self._call("read", bucket, key)

    def put(self, bucket: str, key: str, data: bytes, version: str | None) -> Any:
        return self._call("put", bucket, key, data, version)

    def upload(self, bucket: str, key: str, file: IO[bytes], sha256: str, version: str) -> Any:
        return self._call("upload", bucket, key, file, sha256, version)

    def delete(self, bucket: str, keys: Sequence[str]) -> Any:
        return self._call("delete", bucket, keys)

    def list(self, bucket: str, prefix: str) -> Any:
        return self._call("list", bucket, prefix)
