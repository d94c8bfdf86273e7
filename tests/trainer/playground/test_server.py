"""The server: its routes, what it refuses, and where it listens."""

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import unittest.mock
import urllib.request

import psutil
import pytest
import sockets
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from programs import python

from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.trainer import figures
from seq2seq_arith.trainer.playground import page, server
from seq2seq_arith.trainer.playground.answers import Models
from seq2seq_arith.trainer.playground.server import Playground
from seq2seq_arith.trainer.runs.run import open_run


@pytest.fixture(scope="module")
def top(untrained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    untrained(folder / "adds", Task("addition"), name="bilstm_tagger", input_format="aligned", epochs=1)
    return folder


def ask(top, method, path, **options):
    """Status, headers and content of one request."""

    async def work():
        served = TestServer(Playground(top).application(), host=server.HOST)
        async with TestClient(served) as client, client.request(method, path, **options) as response:
            return response.status, response.headers, await response.text()

    return asyncio.run(work())


# Modules that cannot be imported.
ALONE = """
import asyncio, json, sys
sys.modules |= dict.fromkeys(("tensorflow", "keras"))
from aiohttp.test_utils import TestClient, TestServer
from seq2seq_arith.trainer.playground import server
from seq2seq_arith.trainer.runs.run import PRETRAINED_RUNS

async def ask(path, **query):
    served = TestServer(server.Playground(PRETRAINED_RUNS).application(), host=server.HOST)
    async with TestClient(served) as client, client.post(f"/api/{path}", json=query) as response:
        print(await response.text())

asyncio.run(ask("answer", run="addition", question="95+7"))
asyncio.run(ask("answer", run="subtraction", question="95-97"))
asyncio.run(ask("length", run="addition", length=6))
"""


def test_the_shipped_networks_need_no_tensorflow():
    *answers, length = map(json.loads, python(ALONE).splitlines())
    assert [answer["answer"] for answer in answers] == ["102", "-2"]
    assert answers[0]["read"][:3] == ["57", "9␣", "␣␣"] and answers[0]["written"][:4] == ["2", "0", "1", "␣"]
    assert length["worst"] == 1.0


def runs_of(content):
    """What runs.js says."""
    return json.loads(content.removeprefix("window.playground = ").removesuffix(";\n"))


@pytest.mark.parametrize("path", [path for path in server.PAGES if path != "/runs.js"])
def test_pages(top, path):
    status, headers, content = ask(top, "GET", path)
    file = (page.STATIC / server.PAGES[path]).read_text()
    assert (status, content.removesuffix(file)) == (200, f"{figures.VARIABLES}\n" if path == "/style.css" else "")
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_half_a_request_ends(top, monkeypatch):
    """A client that promises more than it sends does not keep its connection."""
    monkeypatch.setattr(server, "READ_SECONDS", 0.2)

    async def work():
        async with TestServer(Playground(top).application(), host=server.HOST) as served:
            reader, writer = await asyncio.open_connection(server.HOST, served.port)
            head = (
                f"POST /api/answer HTTP/1.1\r\nHost: {server.HOST}:{served.port}\r\nContent-Type: application/json\r\n"
            )
            writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return answer.decode()

    answer = asyncio.run(work())
    assert answer.startswith("HTTP/1.1 408 ")
    assert json.loads(answer.splitlines()[-1]) == {"why": "the request was not complete after 0.2 s; send it again"}


@pytest.mark.parametrize("before", [b"", b"GET /style.css HTTP/1.1\r\nHost: HOST\r\n\r\n"], ids=["first", "second"])
def test_half_a_header_ends(top, monkeypatch, before):
    """Of a new connection, and of one that has had an answer."""
    monkeypatch.setattr(server, "READ_SECONDS", 0.5)

    async def work():
        runner = Playground(top).runner()
        await runner.setup()
        try:
            await web.TCPSite(runner, server.HOST, 0).start()
            host, port = runner.addresses[0]
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(before.replace(b"HOST", f"{host}:{port}".encode()) + b"GET / HTTP/1.1\r\nHo")
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return answer
        finally:
            await runner.cleanup()

    assert asyncio.run(work())[:15] == (b"HTTP/1.1 200 OK" if before else b"")


def test_runs_and_answers(top):
    status, headers, content = ask(top, "GET", "/runs.js")
    assert status == 200 and [run["name"] for run in runs_of(content)["runs"]] == ["adds"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"  # no page of another site can load the script
    status, _, content = ask(top, "POST", "/api/answer", json={"run": "adds", "question": "12+345", "epoch": 1})
    assert status == 200 and json.loads(content)["right"] == "357"
    status, _, content = ask(top, "POST", "/api/length", json={"run": "adds", "length": 2})
    assert status == 200 and json.loads(content)["worst"] < 1
    best, first = (
        json.loads(ask(top, "POST", "/api/weights", json={"run": "adds", **more})[2]) for more in ({}, EPOCH)
    )
    assert best["logits/kernel"]["shape"] == [32, 12] and best.keys() == first.keys()


EPOCH = {"epoch": 1}


JSON = {"Content-Type": "application/json"}
GOOD = {"run": "adds", "question": "1+2"}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "why"),
    [
        ("POST", "/api/answer", {"json": GOOD, "headers": {"Host": "evil.example:80"}}, 403, "only for its own page"),
        (
            "POST",
            "/api/answer",
            {"json": GOOD, "headers": {"Origin": "http://evil.example"}},
            403,
            "only for its own page",
        ),
        ("GET", "/runs.js", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403, "only for its own page"),
        ("POST", "/api/answer", {"data": json.dumps(GOOD)}, 400, "send application/json"),
        ("POST", "/api/answer", {"data": "{", "headers": JSON}, 400, "it is not JSON"),
        ("POST", "/api/answer", {"json": GOOD | {"more": 1}}, 400, "more is not a known key"),
        (
            "POST",
            "/api/answer",
            {"json": GOOD | {"question": 3}},
            400,
            "question is 3, not a string; reload the page",
        ),
        ("POST", "/api/answer", {"json": GOOD | {"epoch": 9}}, 400, "are not kept"),
        ("POST", "/api/answer", {"json": GOOD | {"epoch": True}}, 400, "epoch is True, not a whole number"),
        ("POST", "/api/answer", {"json": GOOD | {"question": "x"}}, 400, "not in the alphabet"),
        ("POST", "/api/answer", {"json": GOOD | {"run": "../adds"}}, 400, "no run of that name"),
        ("POST", "/api/length", {"json": {"run": "adds", "length": 900}}, 400, "length is 900"),
        ("POST", "/api/weights", {"json": {"run": "adds", "epoch": 9}}, 400, "are not kept"),
        ("POST", "/api/runs", {"json": {"run": "adds"}}, 404, "Not Found"),
        ("POST", "/api/answer", {"json": GOOD | {"question": "1" * server.MAX_BYTES}}, 413, "Too Large"),
        ("GET", "/api/answer", {}, 405, "Not Allowed"),
        ("GET", "/../server.py", {}, 404, "Not Found"),
    ],
)
def test_what_is_refused(top, method, path, options, status, why):
    code, headers, content = ask(top, method, path, **options)
    assert code == status
    assert why in json.loads(content)["why"]
    assert "Content-Security-Policy" in headers


def test_a_port_that_cannot_be_opened_is_refused(tmp_path, monkeypatch, input_error):
    def taken(*_: object) -> None:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(server.socket, "create_server", taken)
    with input_error(InputError):
        asyncio.run(server._serve(tmp_path, 8123, ""))


def test_a_length_that_the_page_does_not_list_is_refused(top, input_error):
    with input_error(InputError):
        Models().at_length(open_run(top / "adds"), 900)


def test_a_body_that_cannot_be_decoded_is_refused(input_error):
    """As one that says deflate, and is not."""

    class Broken:
        content_type = "application/json"

        async def read(self):
            raise web.RequestPayloadError("400, message: deflate")

    with input_error(InputError):
        asyncio.run(server._read(Broken()))


def test_on_the_port_that_no_browser_names():
    """``serve --port 80`` prints an address whose Host has no port."""
    for port, host in ((80, "127.0.0.1"), (80, "localhost"), (8765, "localhost:8765")):
        transport = unittest.mock.Mock(get_extra_info=lambda _, port=port: (server.HOST, port))
        server._check_origin(make_mocked_request("GET", "/", {"Host": host}, transport=transport))
    with pytest.raises(web.HTTPForbidden):
        server._check_origin(make_mocked_request("GET", "/", {"Host": "localhost"}, transport=transport))


def test_links_are_not_opened(unbuilt, tmp_path):
    top = tmp_path / "runs"
    unbuilt(top / "whole", Task("addition"))
    elsewhere = unbuilt(tmp_path / "elsewhere", Task("addition"))
    linked = unbuilt(top / "linked", Task("addition"))
    linked.best.unlink()
    linked.best.symlink_to(elsewhere.best)
    page = runs_of(ask(top, "GET", "/runs.js")[2])
    assert [run["name"] for run in page["runs"]] == ["whole"]
    assert "is a link, which may lead out" in page["refused"][0]["why"]
    status, _, content = ask(top, "POST", "/api/answer", json=GOOD | {"run": "linked"})
    assert status == 400 and "is a link, which may lead out" in json.loads(content)["why"]


def test_questions_of_those_who_left_are_dropped_and_few_wait(top, monkeypatch):
    monkeypatch.setattr(server, "MAX_WAITING", 6)
    questions, gate = [], threading.Event()

    def answer(self, run, question, epoch):
        questions.append(question)
        gate.wait(60)
        return {"right": question}

    async def status(port, question, leaves=False):
        reader, writer = await asyncio.open_connection(server.HOST, port)
        body = json.dumps(GOOD | {"question": question})
        head = f"POST /api/answer HTTP/1.1\r\nHost: {server.HOST}:{port}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        line = None if leaves else await reader.readline()
        if leaves:
            await asyncio.sleep(0.2)
        writer.close()
        return line and int(line.split()[1])

    async def work():
        runner = Playground(top).runner()
        await runner.setup()
        site = web.SockSite(runner, listener := socket.create_server((server.HOST, 0)))
        await site.start()
        port = listener.getsockname()[1]
        await asyncio.gather(*(status(port, f"left {number}", leaves=True) for number in range(6)))
        honest = [asyncio.create_task(status(port, f"honest {number}")) for number in range(8)]
        await asyncio.wait(honest, return_when=asyncio.FIRST_COMPLETED)
        gate.set()
        codes = await asyncio.gather(*honest)
        await runner.cleanup()
        return codes

    monkeypatch.setattr(server.Models, "answer", answer)
    codes = asyncio.run(work())
    assert sorted(codes) == [200] * 6 + [503] * 2
    assert len(questions) == 7 and sum(question.startswith("left") for question in questions) == 1


BUSY = """
import sys, time
from pathlib import Path
from seq2seq_arith.trainer.playground import server
server.Models.answer = lambda *_: print("answering", flush=True) or time.sleep(120)
server.serve(Path(sys.argv[1]), 0)
"""


@pytest.mark.slow
def test_it_ends_at_once_also_while_a_model_answers(top):
    command = [sys.executable, "-c", BUSY, str(top)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().split()[0]
        question = urllib.request.Request(f"{address}api/answer", json.dumps(GOOD).encode(), JSON)

        def ask_it():
            with contextlib.suppress(OSError):
                urllib.request.urlopen(question)

        threading.Thread(target=ask_it, daemon=True).start()
        assert process.stdout.readline() == "answering\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


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
