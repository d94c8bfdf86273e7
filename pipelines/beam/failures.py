"""Translates every failure of a runner into an exception of this project, which gives the cause in one sentence.

Beam passes a worker's exception on as text, so this module has to parse Beam's messages.
"""

import contextlib
import errno
import os
import re
from collections.abc import Iterator

from seq2seq_arith.base.errors import BusyError, InputError, RunnerError, StoreError, UnavailableError
from seq2seq_arith.base.machine import is_short_of_memory

# Phrases of Beam's messages, as of Beam 2.77.0.
WHILE_RUNNING = " [while running "
JOB_ENDED = re.compile(
    r"(?:Pipeline (?P<job>\S+) failed in state |Dataflow pipeline failed. State: )(?P<state>\w+)(?:: |, Error:\n)"
    r"(?P<reason>.*)",
    re.DOTALL,
)
# The cause, among several, that names a missing resource.
LACK = re.compile(r"\b\w*(?:NoResourceAvailable|OutOfMemory)\w*: .*")
LOST = "NoResourceAvailable"  # of Flink, if it has fewer task managers than the job needs
# The whole message of Flink if a process of its workers is killed, as the kernel does when memory is short.
WORKER_LOST = "CANCELLED: client cancelled"
WORKER_LOST_IN_WORDS = (
    "a process of the workers has ended, perhaps because its machine had too little memory; look at the logs of the "
    "workers, and run the same command again"
)
# gRPC's name for an error of the connection to the job server.
CONNECTION_ERROR = "MultiThreadedRendezvous"
# Phrases of Python and of this project, in a traceback that a runner quotes.
TRACEBACK = "Traceback (most recent call last)"
EXCEPTION_LINE = re.compile(r"[\w.$]+(?:Error|Exception)\b.*")
STORE_ERRORS = {error.__name__: error for error in (InputError, BusyError, StoreError, UnavailableError)}
STORE_ERROR = re.compile(rf"errors\.({'|'.join(STORE_ERRORS)}): (.*?)(?:{re.escape(WHILE_RUNNING)}|\n|$)")

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EACCES, errno.EROFS)


class SubmittedError(Exception):
    """Not a failure: the job of this name continues without this program, because of ``--no_wait_until_finish``."""


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """Translates any exception of a runner in the block into one of this project.

    An OSError stands for an error of the disk. An error about too little memory (``is_short_of_memory``) is kept.
    """
    try:
        yield
    except (KeyboardInterrupt, Exception) as error:
        if (translated := _translated(error)) is error:
            raise
        raise translated from error


def _translated(error: BaseException) -> BaseException:
    """The exception of this project, or of Python, for a runner's error; the error itself if that is one already."""
    if isinstance(error, SubmittedError):
        return error
    if isinstance(error, InputError | StoreError):
        return type(error)(str(error).partition(WHILE_RUNNING)[0])  # Beam adds the step of the pipeline
    details = getattr(error, "details", None)  # a gRPC error has a separate line that says why
    text = str(details() if callable(details) else error)
    if text.startswith("KeyboardInterrupt"):
        return KeyboardInterrupt()
    if match := STORE_ERROR.search(text):
        return STORE_ERRORS[match[1]](match[2])
    if number := next((number for number in DISK_ERRORS if os.strerror(number) in text), None):
        return OSError(number, os.strerror(number))
    if match := JOB_ENDED.match(text):
        lack = _lack("\n".join(getattr(error, "__notes__", ())))
        job = f"job {match['job']}" if match["job"] else "the job"
        lost = WORKER_LOST_IN_WORDS if WORKER_LOST in match["reason"] else ""
        return RunnerError(f"{job} ended as {match['state']}: {lack or lost or _reason(match['reason'])}")
    # An OSError with errno comes from the operating system. Without errno it comes from a network library.
    is_ours = isinstance(error, KeyboardInterrupt | RunnerError) or getattr(error, "errno", None)
    if is_ours or is_short_of_memory(error):
        return error
    name = type(error).__name__.lstrip("_")
    if name == CONNECTION_ERROR:
        return RunnerError(f"the runner's job server cannot be reached any more: {first_sentence(_reason(text))}")
    return RunnerError(f"the runner failed with {name}: {first_sentence(_reason(text))}")


def first_sentence(line: str) -> str:
    """The first sentence of a line, without its full stop."""
    return re.split(r"\.(?: (?=[A-Z])|$)", line.strip(), maxsplit=1)[0]


def _lack(text: str) -> str:
    """The resource that a runner lacked, from the innermost cause that names one; empty if none does."""
    causes = LACK.findall(text)
    if not causes:
        return ""
    hint = "a task manager was lost, another job has the slots, or --parallelism is larger than their number: "
    return hint * (LOST in causes[-1]) + causes[-1].strip()


def _reason(text: str) -> str:
    """The line of a runner's message with the cause: the last exception of a traceback, or else the first line."""
    first, *further_lines = text.strip().splitlines() or ["it gave no reason"]
    # A line of Java comes before a traceback. If no exception's line follows, it is the only one.
    exception_lines = [line for line in further_lines if EXCEPTION_LINE.match(line)] if TRACEBACK in text else []
    return exception_lines[-1] if exception_lines else first
