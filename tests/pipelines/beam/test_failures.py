"""The reason why a runner gives a job up, in one line."""

from types import SimpleNamespace

import grpc
import pytest

from seq2seq_arith.base.errors import RunnerError
from seq2seq_arith.pipelines.beam import private
from seq2seq_arith.pipelines.beam.failures import translate_errors

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
    ("message", "line"),
    [
        ("java.io.IOException: Record too large.\n\tat org.apache", "java.io.IOException: Record too large."),
        (PYTHON, "ValueError: the cause [while running 'Write']"),
        ("unknown error", "unknown error"),
        ("", "it gave no reason"),
        (
            "org.apache.beam.StatusRuntimeException: CANCELLED: client cancelled",
            "a process of the workers has ended, perhaps because its machine had too little memory; look at the logs "
            "of the workers, and run the same command again",
        ),
    ],
)
def test_the_line_that_says_why(message, line):
    with pytest.raises(RunnerError) as caught, translate_errors():
        raise RuntimeError(f"Pipeline job-1_2 failed in state FAILED: {message}")
    assert str(caught.value) == f"job job-1_2 ended as FAILED: {line}"


@pytest.mark.parametrize(
    ("messages", "line"),
    [
        (
            "Caused by: a.b.NoResourceAvailableException: Could not allocate the slot\nCaused by: Timeout: 9",
            "a task manager was lost, another job has the slots, or --parallelism is larger than their number: "
            "NoResourceAvailableException: Could not allocate the slot",
        ),
        ("Job failed\nCaused by: java.lang.OutOfMemoryError: Metaspace", "OutOfMemoryError: Metaspace"),
        ("Job failed", "java.util.concurrent.TimeoutException: 9"),
    ],
)
def test_the_cause_that_names_what_is_lacking_is_the_one_that_is_told(messages, line):
    """The exception has the last message alone, which may be that of a timeout."""
    error = RuntimeError("Pipeline a-1 failed in state FAILED: java.util.concurrent.TimeoutException: 9")
    response = SimpleNamespace(message_response=SimpleNamespace(message_text=messages))
    private.add_messages(error, SimpleNamespace(_messages=[response]))
    with pytest.raises(RunnerError) as caught, translate_errors():
        raise error
    assert str(caught.value) == f"job a-1 ended as FAILED: {line}"


def test_the_disk_comes_first():
    with pytest.raises(OSError, match="No space left"), translate_errors():
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
        (Exception(DATAFLOW), "the job ended as FAILED: ValueError: the cause [while running 'Write']"),
        (RuntimeError("no jar at http://a\nor elsewhere"), "the runner failed with RuntimeError: no jar at http://a"),
        (ValueError("a flag"), "the runner failed with ValueError: a flag"),
        (Rpc(), "the runner failed with Rpc: connection refused"),
        (TimeoutError(), "the runner failed with TimeoutError: it gave no reason"),
    ],
    ids=repr,
)
def test_whatever_an_runner_raises_is_one_sentence(error, sentence):
    with pytest.raises(RunnerError) as caught, translate_errors():
        raise error
    assert str(caught.value) == sentence
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [OSError(2, "gone"), RunnerError("d"), KeyboardInterrupt()], ids=repr)
def test_what_is_no_runners_stays_as_it_is(error):
    with pytest.raises(type(error)) as caught, translate_errors():
        raise error
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
