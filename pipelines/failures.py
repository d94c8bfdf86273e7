"""What can go wrong while an engine runs, as exceptions that say so.

Beam hands a worker's exception on as text, and when a worker process dies it says so in a thread that nobody watches,
and may then wait for it for ever.
"""

import contextlib
import errno
import os
import re
import signal
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator

from seq2seq_arith.pipelines.errors import InputError, StoreError

Hook = Callable[[threading.ExceptHookArgs], object]

# What marks the processes of a run: they inherit its environment.
RUN = "SEQ2SEQ_ARITH_RUN"
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, errno.EROFS)
WORKER_EXITED = "Worker subprocess exited with return code "
# By SIGINT or SIGTERM, which a terminal sends to the workers as well: the run is being stopped.
STOPPED = ("-2", "130", "-15", "143")
# The last line of a traceback, and what Beam adds to it.
OF_AN_ENGINE = re.compile(
    r"(?:Pipeline \S+ failed in state |Dataflow pipeline failed. State: )(\w+)(?:: |, Error:\n)(.*)", re.DOTALL
)
EXCEPTION = re.compile(r"[\w.$]+(?:Error|Exception)\b.*")
OF_A_STORE = re.compile(r"errors\.(InputError|StoreError): (.*?)(?: \[while running |\n|$)")


class WorkerLostError(RuntimeError):
    """A worker process of the engine died."""


class EngineError(RuntimeError):
    """The engine gave the job up; the message says why, as far as the engine did."""


@contextlib.contextmanager
def named() -> Iterator[None]:
    """Names what stops the run in its block.

    Raises:
      OSError: The disk is full, or cannot be written.
      WorkerLostError: A worker process died.
      EngineError: The engine gave the job up.
      InputError, StoreError: An object store cannot be used, or fails.
      KeyboardInterrupt: The run was interrupted.
    """
    with _watched_workers() as lost:
        try:
            yield
        except (InputError, StoreError) as error:
            # Beam says where in the pipeline that was.
            raise type(error)(str(error).partition(" [while running ")[0]) from error
        except (KeyboardInterrupt, Exception) as error:
            text = _said(error)
            if lost or "Channel closed prematurely" in text:
                raise WorkerLostError("a worker process died") from error
            if text.startswith("KeyboardInterrupt"):
                raise KeyboardInterrupt from None
            if found := OF_A_STORE.search(text):
                raise {"InputError": InputError, "StoreError": StoreError}[found[1]](found[2]) from error
            for number in DISK_ERRORS:
                if os.strerror(number) in text:
                    raise OSError(number, os.strerror(number)) from error
            if found := OF_AN_ENGINE.match(text):
                raise EngineError(f"the engine's job ended as {found[1]}: {_reason(found[2])}") from error
            # The system's own has a number: a disk's, say. One without is a library's, of a connection.
            if isinstance(error, KeyboardInterrupt | EngineError | WorkerLostError) or getattr(error, "errno", None):
                raise
            raise EngineError(
                f"the engine failed with {type(error).__name__.lstrip('_')}: {first_sentence(_reason(text))}"
            ) from error


def first_sentence(line: str) -> str:
    """The first sentence of a line, without its full stop."""
    return re.split(r"\.(?: (?=[A-Z])|$)", line.strip(), maxsplit=1)[0]


def _said(error: BaseException) -> str:
    """An exception's message; gRPC's own has many lines, of which one says why."""
    details = getattr(error, "details", None)
    return str(details() if callable(details) else error)


def _reason(text: str) -> str:
    """The line of an engine's message that says what went wrong: of a traceback in it the last, else the first."""
    lines = text.strip().splitlines() or ["it gave no reason"]
    if "Traceback (most recent call last)" not in text:
        return lines[0]
    # A line of Java's comes before the traceback, and may be all that there is of an exception.
    return next((line for line in reversed(lines[1:]) if EXCEPTION.match(line)), lines[0])


@contextlib.contextmanager
def _watched_workers() -> Iterator[list[str]]:
    """The deaths of workers that Beam's threads report; the first one interrupts the main thread, if that waits."""
    lost: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield lost  # which cannot be interrupted
        return
    import grpc  # which takes long, and Beam has done it

    before, run = threading.excepthook, uuid.uuid4().hex
    others = weakref.WeakSet(threading.enumerate())

    def hook(arguments: threading.ExceptHookArgs) -> None:
        said = str(arguments.exc_value)
        if lost or isinstance(arguments.exc_value, grpc.RpcError):
            return  # A consequence; and that a job server is gone, the main thread sees as well.
        if not said.startswith(WORKER_EXITED):
            before(arguments)
        elif said.removeprefix(WORKER_EXITED) not in STOPPED:
            lost.append(said)
            # On its way out Beam waits for the other workers, and they for work.
            _kill_workers(run)
            # A real signal: interrupt_main() would not wake a thread that waits for a lock.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.excepthook = hook
    os.environ[RUN] = run
    try:
        yield lost
    finally:
        # A worker that was only just starting may have been missed.
        while lost and _kill_workers(run):
            time.sleep(0.05)
        del os.environ[RUN]
        # Threads that served the lost workers may only now meet that; the run has failed, and says so itself.
        threading.excepthook = _without(set(threading.enumerate()).difference(others), before) if lost else before


def _without(threads: Iterable[threading.Thread], hook: Hook) -> Hook:
    """An ``excepthook`` that is silent about some threads, as long as they are, and else the one given."""
    silent = weakref.WeakSet(threads)

    def quieter(arguments: threading.ExceptHookArgs) -> None:
        if arguments.thread not in silent:
            hook(arguments)

    return quieter


def _kill_workers(run: str) -> bool:
    """Kills the processes of a run, orphans among them, but for this one; whether there were any."""
    import psutil  # which workers do not have

    found = False
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(RUN) == run:
                process.kill()
                found = True
    return found
