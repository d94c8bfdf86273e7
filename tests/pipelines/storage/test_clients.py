"""The clients of object stores: what goes wrong is one sentence."""

import http.server
import os
from pathlib import Path

import flaky
import pytest
from programs import run
from stored import GENERATE, LAYOUTS, TASK, THREE, make, objects

from seq2seq_arith.base import progress
from seq2seq_arith.base.errors import InputError, StoreError, UnavailableError
from seq2seq_arith.pipelines.formats.location import dataset_path
from seq2seq_arith.pipelines.storage import clients, paths
from seq2seq_arith.pipelines.storage.paths import ObjectPath

COMMANDS = {
    "generate": (*GENERATE, "--data-dir", "{url}"),
    "verify": ("verify", "{url}"),
    "fetch": ("fetch", "{url}", "nowhere"),
}


def stderr_of(command: str, url: str, code: int, tmp_path: Path, *flags: str) -> str:
    """The one sentence that a command prints when it fails; there is no traceback."""
    process = run(*(word.format(url=url) for word in COMMANDS[command]), *flags, cwd=tmp_path)
    assert (process.returncode, process.stdout) == (code, ""), process.stderr
    (line,) = process.stderr.splitlines()
    assert list(tmp_path.iterdir()) == []
    return line.removeprefix("arith-data: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "command", "reason"),
    [
        ("gs", "generate", "there is no bucket"),
        ("s3", "verify", "is not a dataset"),
        ("s3", "fetch", "is not a dataset"),
    ],
)
def test_no_such_bucket(servers, tmp_path, scheme, command, reason):
    assert reason in stderr_of(command, f"{scheme}://no-such-bucket/data", 2, tmp_path)


@pytest.mark.release
@pytest.mark.parametrize(("scheme", "variable"), [("gs", "STORAGE_EMULATOR_HOST"), ("s3", "AWS_ENDPOINT_URL")])
def test_nobody_answers(servers, tmp_path, monkeypatch, scheme, variable):
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    assert "cannot be reached" in stderr_of("generate", f"{scheme}://bucket/data", 75, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("served_dir", ["s3"], indirect=True)
def test_an_endpoint_in_a_flag(servers, served_dir, tmp_path, monkeypatch):
    """Beam's own, which it has for S3 alone, for every command."""
    name, url = "--s3_endpoint_url", os.environ["AWS_ENDPOINT_URL"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    path = dataset_path(served_dir, TASK)
    for arguments in ((*GENERATE, *THREE, "--data-dir", served_dir), ("verify", path), ("fetch", path, tmp_path)):
        for flags in ((f"{name}={url}",), (name, url)):
            process = run(*arguments, *flags)
            assert process.returncode == 0, process.stderr


class Cutting(http.server.BaseHTTPRequestHandler):
    """A store whose first answers end in the middle, without an error."""

    protocol_version = "HTTP/1.1"
    content, requests = bytes(range(256)) * 64, 0

    def do_GET(self):
        type(self).requests += 1
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if first else 200)
        for name, value in {
            "Content-Length": len(self.content) - first,
            "Content-Range": f"bytes {first}-{len(self.content) - 1}/{len(self.content)}",
            "ETag": '"one"',
            "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        end = len(self.content) if self.requests > 2 else first + 1000
        self.wfile.write(self.content[first:end])
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("read", [paths.read_bytes, lambda path: path.read()[0]], ids=["pieces", "whole"])
def test_an_answer_that_is_cut_short_is_read_on(monkeypatch, read):
    monkeypatch.setattr(Cutting, "requests", 0)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "test")
    clients.bucket.cache_clear()
    with flaky.serving(Cutting) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert read(ObjectPath("s3://bucket/key")) == Cutting.content
    clients.bucket.cache_clear()
    assert Cutting.requests == 3


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("Server returned non-2xx status code: 403 Forbidden: AccessDenied", InputError, "s3://b denies access (403"),
        ("DeleteObjects request failed for key x: (code: AccessDenied)", InputError, "denies access ("),
        ("Error performing token request: 169.254.169.254", InputError, "there are no valid credentials for s3://b ("),
        (
            "status code: 404 Not Found: <Code>NoSuchBucket</Code>",
            InputError,
            "there is no bucket s3://b; create it",
        ),
        ("this normally indicates an incorrectly configured region", InputError, "s3://b is in another region ("),
        ("status code: 400 Bad Request: <Code>InvalidBucketName</Code>", InputError, "s3://b/data cannot be used ("),
        ("HTTP error: error sending request", UnavailableError, "s3://b cannot be reached ("),
        ("Server returned non-2xx status code: 503 Busy\n\nDebug source:\nlines", UnavailableError, ": 503 Busy"),
        ("Server returned non-2xx status code: 418 Teapot\n\nDebug source:\nlines", StoreError, ": 418 Teapot"),
    ],
)
def test_what_a_store_says_is_one_sentence(text, error, sentence):
    explained = clients.explain("s3://b/data", RuntimeError(f"Generic S3 error: Error performing GET: {text}"))
    assert type(explained) is error
    assert sentence in str(explained)
    assert "\n" not in str(explained)


def test_a_store_that_fails_in_the_middle(data_dir, with_beam, monkeypatch):
    """In a worker, whose exception Beam hands on as text."""

    def failing(*_: object) -> None:
        raise StoreError("gs://bucket/data could not be used: out of order")

    monkeypatch.setattr(ObjectPath, "upload", failing)
    with pytest.raises(StoreError, match="out of order"):
        make(TASK, LAYOUTS["three"], data_dir)
    monkeypatch.undo()
    assert objects(data_dir) == {}
    assert progress.count("shards") == 0
