"""The server: its routes, what it refuses, and where it listens."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request

import psutil
import pytest
import sockets
from aiohttp.test_utils import TestClient, TestServer

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.trainer.playground import server
from seq2seq_arith.trainer.playground.server import Playground


@pytest.fixture(scope="module")
def top(untrained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    untrained(folder / "adds", Task("addition"), name="lstm_tagger", view="aligned", epochs=1)
    return folder


def ask(top, method, path, **options):
    """Status, headers and content of one request."""

    async def work():
        served = TestServer(Playground(top).application(), host=server.HOST)
        async with TestClient(served) as client, client.request(method, path, **options) as response:
            return response.status, response.headers, await response.text()

    return asyncio.run(work())


@pytest.mark.parametrize("path", server.PAGES)
def test_pages(top, path):
    status, headers, content = ask(top, "GET", path)
    assert (status, content) == (200, (server.STATIC / server.PAGES[path]).read_text())
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_runs_and_answers(top):
    status, _, content = ask(top, "GET", "/api/runs")
    assert status == 200 and [each["name"] for each in json.loads(content)["runs"]] == ["adds"]
    status, _, content = ask(top, "POST", "/api/answer", json={"run": "adds", "question": "12+345", "epoch": 1})
    assert status == 200 and json.loads(content)["right"] == "357"
    status, _, content = ask(top, "POST", "/api/length", json={"run": "adds", "length": 2})
    assert status == 200 and json.loads(content)["worst"] < 1


JSON = {"Content-Type": "application/json"}
GOOD = {"run": "adds", "question": "1+2"}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "why"),
    [
        ("POST", "/api/answer", {"json": GOOD, "headers": {"Host": "evil.example:80"}}, 403, "no other site"),
        ("POST", "/api/answer", {"json": GOOD, "headers": {"Origin": "http://evil.example"}}, 403, "no other site"),
        ("POST", "/api/answer", {"data": json.dumps(GOOD)}, 400, "send application/json"),
        ("POST", "/api/answer", {"data": "{", "headers": JSON}, 400, "not JSON"),
        ("POST", "/api/answer", {"json": GOOD | {"more": 1}}, 400, "must have run, question"),
        ("POST", "/api/answer", {"json": GOOD | {"question": 3}}, 400, "question is of the wrong type; send a text"),
        ("POST", "/api/answer", {"json": GOOD | {"epoch": 9}}, 400, "are not kept"),
        ("POST", "/api/answer", {"json": GOOD | {"question": "x"}}, 400, "not in the alphabet"),
        ("POST", "/api/answer", {"json": GOOD | {"run": "../adds"}}, 400, "no run of that name"),
        ("POST", "/api/length", {"json": {"run": "adds", "length": 900}}, 400, "length is 900"),
        ("POST", "/api/answer", {"json": GOOD | {"question": "1" * server.MOST_BYTES}}, 413, "Too Large"),
        ("GET", "/api/answer", {}, 405, "Not Allowed"),
        ("GET", "/../server.py", {}, 404, "Not Found"),
    ],
)
def test_what_is_refused(top, method, path, options, status, why):
    found, headers, content = ask(top, method, path, **options)
    assert found == status
    assert why in json.loads(content)["why"]
    assert "Content-Security-Policy" in headers


@pytest.mark.slow
def test_it_listens_on_the_loopback_interface_alone_and_ends_in_silence(top):
    command = [sys.executable, "-m", "seq2seq_arith.trainer", "serve", str(top), "--port", "0"]
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        assert process.stdout and process.stderr
        address = process.stdout.readline().split()[0]
        with urllib.request.urlopen(address) as page:
            assert b"<title>Playground" in page.read()
        open_sockets = sockets.listening(psutil.Process(process.pid))
        assert len(open_sockets) == 1 and sockets.reachable(open_sockets) == set()
        process.send_signal(signal.SIGINT)
        assert (process.wait(30), process.stdout.read(), process.stderr.read()) == (0, "", "")
