"""What an engine says when it gives a job up, in one line."""

import threading
import time

import grpc
import pytest

from seq2seq_arith.pipelines.errors import InputError, StoreError
from seq2seq_arith.pipelines.failures import EngineError, WorkerLostError, named

PYTHON = """java.lang.RuntimeException: Error received from SDK harness: Traceback (most recent call last):
  File "generate.py", line 1, in write
ValueError: the cause

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "sdk_worker.py", line 2, in _execute
ValueError: the cause [while running 'Write']
\tat org.apache.beam.runners.fnexecution.control.FnApiControlClient.handle(FnApiControlClient.java:180)
"""


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("java.io.IOException: Record too large.\n\tat org.apache", "java.io.IOException: Record too large."),
        (PYTHON, "ValueError: the cause [while running 'Write']"),
        ("Traceback (most recent call last): cut off", "Traceback (most recent call last): cut off"),
        ("unknown error", "unknown error"),
        ("", "it gave no reason"),
    ],
)
def test_the_line_that_says_why(said, line):
    with pytest.raises(EngineError) as caught, named():
        raise RuntimeError(f"Pipeline job-1_2 failed in state FAILED: {said}")
    assert str(caught.value) == f"the engine's job ended as FAILED: {line}"


def test_the_disk_comes_first():
    with pytest.raises(OSError, match="No space left"), named():
        raise RuntimeError("Pipeline job failed in state FAILED: OSError: [Errno 28] No space left on device")


DATAFLOW = f"Dataflow pipeline failed. State: FAILED, Error:\n{PYTHON}"


class Rpc(grpc.RpcError):
    def __str__(self) -> str:
        return "<Rpc of RPC that terminated with:\n\tstatus = StatusCode.UNAVAILABLE\n>"

    def details(self) -> str:
        return "connection refused"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Exception(DATAFLOW), "the engine's job ended as FAILED: ValueError: the cause [while running 'Write']"),
        (RuntimeError("no jar at http://a\nor elsewhere"), "the engine failed with RuntimeError: no jar at http://a"),
        (ValueError("a flag"), "the engine failed with ValueError: a flag"),
        (Rpc(), "the engine failed with Rpc: connection refused"),
        (TimeoutError(), "the engine failed with TimeoutError: it gave no reason"),
    ],
    ids=repr,
)
def test_whatever_an_engine_raises_is_one_sentence(error, sentence):
    with pytest.raises(EngineError) as caught, named():
        raise error
    assert str(caught.value) == sentence
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [InputError("a"), StoreError("b"), FileNotFoundError(2, "gone"), WorkerLostError("c"), EngineError("d"),
     KeyboardInterrupt(), SystemExit(3)],
    ids=repr,
)  # fmt: skip
def test_what_is_no_engines_stays_as_it_is(error):
    with pytest.raises(type(error)) as caught, named():
        raise error
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)


def test_threads_that_served_a_lost_worker_are_silent_and_no_others(monkeypatch):
    heard, over = [], threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda arguments: heard.append(str(arguments.exc_value)))

    def thread(error: Exception, wait: bool) -> threading.Thread:
        def run() -> None:
            if wait:
                over.wait()
            raise error

        started = threading.Thread(target=run)
        started.start()
        return started

    threads = [thread(ValueError("of somebody else"), wait=True)]
    with pytest.raises(WorkerLostError), named():
        threads.append(thread(grpc.RpcError("its stream broke"), wait=False))
        threads.append(thread(ValueError("its stream broke late"), wait=True))
        threads.append(thread(RuntimeError("Worker subprocess exited with return code -9"), wait=False))
        time.sleep(60)
    over.set()
    for each in threads:
        each.join()
    assert heard == ["of somebody else"]
