"""The clients of object stores: what goes wrong is one sentence."""

import contextlib
import http.server
import json
import os
import threading
from pathlib import Path

import pytest
from programs import run
from stored import GENERATE, LAYOUTS, TASK, THREE, make, objects

from seq2seq_arith.base import progress
from seq2seq_arith.base.errors import StoreError
from seq2seq_arith.pipelines.formats.layout import dataset_path
from seq2seq_arith.pipelines.places import clients
from seq2seq_arith.pipelines.places.paths import ObjectPath


def test_how_long_google_may_take():
    """A first look fails soon; a store that has answered once is waited for."""
    pytest.importorskip("google.cloud.storage", reason="needs the extra: pip install 'seq2seq_arith[gcp]'")
    store = clients.GoogleCloudStorage.__new__(clients.GoogleCloudStorage)
    store._look, store._retry = "short", "long"
    said = []

    class Fake:
        def bucket(self, _):
            return self

        def get_blob(self, _, retry):
            said.append(retry)

    store._client = Fake()
    for _ in range(2):
        store.state("bucket", "key")
    assert said == ["short", "long"]


class FakeS3:
    """Removes all objects but those of ``left``, which the first answers say were left with these codes."""

    def __init__(self, *left: dict[str, str]) -> None:
        self.left, self.asked = list(left), []

    def delete_objects(self, Bucket: str, Delete: dict) -> dict:
        del Bucket
        self.asked.append([each["Key"] for each in Delete["Objects"]])
        left = self.left.pop(0) if self.left else {}
        return {"Errors": [{"Key": key, "Code": code, "Message": code} for key, code in left.items()]} if left else {}


def s3_with(client: object) -> clients.S3:
    store = clients.S3.__new__(clients.S3)
    store._client = client
    return store


@pytest.mark.parametrize(
    ("left", "asked", "error"),
    [
        ([], ["ab"], ""),
        ([{"a": "SlowDown", "b": "InternalError"}, {"b": "SlowDown"}], ["ab", "ab", "b"], ""),
        ([{"a": "AccessDenied", "b": "SlowDown"}], ["ab"], "AccessDenied"),
        ([{"b": "SlowDown"}] * 5, ["ab", "b", "b", "b", "b"], "SlowDown"),
    ],
    ids=["removed", "busy", "denied", "busy for long"],
)
def test_objects_that_a_bulk_delete_leaves(monkeypatch, left, asked, error):
    exceptions = pytest.importorskip("botocore.exceptions", reason="needs the extra: pip install 'seq2seq_arith[aws]'")
    monkeypatch.setattr(clients.time, "sleep", lambda seconds: None)
    fake = FakeS3(*left)
    raises = pytest.raises(exceptions.ClientError, match=error) if error else contextlib.nullcontext()
    with raises:
        s3_with(fake).delete("bucket", ["a", "b"])
    assert ["".join(keys) for keys in fake.asked] == asked


def test_an_answer_that_breaks_off():
    exceptions = pytest.importorskip("botocore.exceptions", reason="needs the extra: pip install 'seq2seq_arith[aws]'")
    broken = [exceptions.ReadTimeoutError(endpoint_url="s3")] * 2

    class Fake:
        def get_object(self, **_):
            return {"Body": self, "ETag": "1"}

        def read(self):
            if broken:
                raise broken.pop()
            return b"whole"

    assert s3_with(Fake()).read("bucket", "key") == (b"whole", "1")


def test_a_request_that_is_not_answered():
    """Boto3 has repeated it for minutes already."""
    exceptions = pytest.importorskip("botocore.exceptions", reason="needs the extra: pip install 'seq2seq_arith[aws]'")
    asked = []

    class Fake:
        def get_object(self, **arguments):
            asked.append(arguments)
            raise exceptions.ReadTimeoutError(endpoint_url="s3")

    with pytest.raises(exceptions.ReadTimeoutError):
        s3_with(Fake()).read("bucket", "key")
    assert len(asked) == 1


class _Answers(http.server.BaseHTTPRequestHandler):
    """Says the same to every request."""

    status, body, kind = 403, b"", "application/json"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_PUT = do_POST = do_HEAD = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering(servers, monkeypatch):
    """A store that refuses everything with one status."""
    started = []

    def answer(scheme: str, status: int, code: str) -> None:
        body = {
            "gs": json.dumps({"error": {"code": status, "message": code}}),
            "s3": f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>",
        }[scheme]
        kind = {"gs": "application/json", "s3": "application/xml"}[scheme]
        handler = type("Answers", (_Answers,), {"status": status, "body": body.encode(), "kind": kind})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        names = {"gs": "STORAGE_EMULATOR_HOST", "s3": "AWS_ENDPOINT_URL"}
        monkeypatch.setenv(names[scheme], f"http://127.0.0.1:{server.server_port}")

    yield answer
    for server in started:
        server.shutdown()
        server.server_close()


COMMANDS = {
    "generate": (*GENERATE, "--data-dir", "{url}"),
    "verify": ("verify", "{url}"),
    "fetch": ("fetch", "{url}", "nowhere"),
}


def said(command: str, url: str, code: int, tmp_path: Path, *flags: str) -> str:
    """The one sentence that a command prints when it fails; there is no traceback."""
    process = run(*(word.format(url=url) for word in COMMANDS[command]), *flags, cwd=tmp_path)
    assert (process.returncode, process.stdout) == (code, ""), process.stderr
    (line,) = process.stderr.splitlines()
    assert list(tmp_path.iterdir()) == []
    return line.removeprefix("arith-data: ")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_no_such_bucket(servers, tmp_path, scheme, command):
    line = said(command, f"{scheme}://no-such-bucket/data", 2, tmp_path)
    if command == "fetch":  # asks for an object; the store answers only that there is none
        assert line.startswith(f"there is no finished dataset at {scheme}://no-such-bucket/data; give ")
    else:
        assert line == f"there is no bucket {scheme}://no-such-bucket; make it, or give another"


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("scheme", "status", "code"),
    [
        ("gs", 403, "caller lacks storage.objects.list"),
        ("s3", 403, "AccessDenied"),
    ],
)
def test_not_permitted(answering, tmp_path, scheme, status, code, command):
    answering(scheme, status, code)
    line = said(command, f"{scheme}://bucket/data", 2, tmp_path)
    assert line.startswith(f"{scheme}://bucket does not let you do this (")
    assert "log in with `" in line


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_a_store_that_fails(answering, tmp_path, scheme):
    answering(scheme, 501, "NotImplemented")
    line = said("verify", f"{scheme}://bucket/data", 1, tmp_path)
    assert line.startswith(f"{scheme}://bucket/data could not be used: ")
    assert "NotImplemented" in line


@pytest.mark.slow
def test_nobody_in_particular_is_not_permitted(answering, tmp_path):
    answering("gs", 401, "Anonymous caller")
    line = said("generate", "gs://bucket/data", 2, tmp_path)
    assert line.startswith("there are no credentials for gs://bucket that can be used (")
    assert "gcloud auth application-default login" in line


@pytest.mark.slow
def test_no_credentials(servers, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    line = said("generate", "s3://bucket/data", 2, tmp_path)
    assert line.startswith("there are no credentials for s3://bucket that can be used (")
    assert "aws configure" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "variable"), [("gs", "STORAGE_EMULATOR_HOST"), ("s3", "AWS_ENDPOINT_URL")], ids=["gs", "s3"]
)
def test_nobody_answers(servers, tmp_path, monkeypatch, scheme, variable):
    monkeypatch.setenv(variable, "http://127.0.0.1:9")
    line = said("generate", f"{scheme}://bucket/data", 1, tmp_path)
    assert line.startswith(f"{scheme}://bucket cannot be reached (")


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


def test_a_store_that_fails_in_the_middle(data_dir, with_beam, monkeypatch):
    """In a worker, whose exception Beam hands on as text."""

    def failing(*_: object) -> None:
        raise StoreError("gs://bucket/data could not be used: out of order")

    monkeypatch.setattr(ObjectPath, "upload", failing)
    with pytest.raises(StoreError, match=r"^gs://bucket/data could not be used: out of order$"):
        make(TASK, LAYOUTS["three"], data_dir)
    monkeypatch.undo()
    assert objects(data_dir) == {}
    assert progress.count("shards") == 0
