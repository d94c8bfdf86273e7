"""What an engine says when it gives a job up, in one line."""

import pytest

from seq2seq_arith.pipelines.failures import EngineError, named

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


def test_what_is_no_engines_stays_as_it_is():
    with pytest.raises(RuntimeError, match="something else"), named():
        raise RuntimeError("something else")
