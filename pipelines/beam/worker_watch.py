"""Watches the worker processes that Beam starts for ``--direct_running_mode=multi_processing``.

When such a worker dies, Beam raises an exception in a thread that nobody watches, and may then wait for the worker for
ever. When the run is stopped while a worker starts, Beam never tells that worker, and waits for it as well.
"""

import _thread
import contextlib
import os
import signal
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from seq2seq_arith.base.terminal import STOP_SIGNALS

Hook = Callable[[threading.ExceptHookArgs], object]

# Marks the processes of a run, which inherit its environment.
RUN = "SEQ2SEQ_ARITH_RUN"
# From one interrupt of the main thread to the next. Python drops the KeyboardInterrupt that one of them raises if it
# is raised in a callback, such as a weak reference's; then the run would wait for ever.
REPEAT_SECONDS = 5.0
# The time that Beam has to end the workers itself, after a signal that stops the run.
STOP_SECONDS = 2.0


@contextlib.contextmanager
def watch_workers(is_exit: Callable[[str], bool], is_loss: Callable[[str], bool]) -> Iterator[list[str]]:
    """Collects the deaths of workers that Beam's threads report; the first one interrupts the main thread.

    A signal that stops the run ends its workers, too, if Beam does not. Outside the main thread, which cannot be
    interrupted, nothing is watched.

    Args:
      is_exit: Whether a thread's exception says that a worker has ended.
      is_loss: Whether a worker that ended so was lost, rather than stopped.
    """
    lost: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield lost
        return
    import grpc  # slow to import, but Beam has imported it already

    before, run = threading.excepthook, uuid.uuid4().hex
    others, left, interrupting = weakref.WeakSet(threading.enumerate()), threading.Event(), threading.Lock()
    is_stopped = False

    def interrupt() -> None:
        while True:
            # On its way out, Beam waits for the other workers, and they wait for work.
            _kill_workers(run)
            with interrupting:  # the main thread may have left meanwhile: Beam itself also finds workers lost
                if left.is_set():
                    return
                # A real signal: interrupt_main() would not wake a thread that waits for a lock.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            if left.wait(REPEAT_SECONDS):
                return

    def end_workers() -> None:
        if left.wait(STOP_SECONDS):
            return
        _kill_workers(run)
        if not left.wait(REPEAT_SECONDS):
            interrupt()

    def stop() -> None:
        nonlocal is_stopped
        if not is_stopped:
            is_stopped = True
            # Not by threading, whose locks the interrupted code may hold.
            with contextlib.suppress(RuntimeError):  # there is no room for a thread
                _thread.start_new_thread(end_workers, ())

    def hook(arguments: threading.ExceptHookArgs) -> None:
        message = str(arguments.exc_value)
        if lost or isinstance(arguments.exc_value, grpc.RpcError):
            return  # Only the first loss counts. The main thread also sees RPC errors, so ignore them here.
        if not is_exit(message):
            before(arguments)
        elif is_loss(message) and not is_stopped:
            lost.append(message)
            threading.Thread(target=interrupt, daemon=True).start()

    threading.excepthook = hook
    os.environ[RUN] = run
    failed = False
    try:
        with _before_handlers(stop):
            yield lost
    except BaseException:
        failed = True
        raise
    finally:
        _leave(left, interrupting, lost)
        # A worker that was only just starting may have been missed.
        while (lost or is_stopped) and _kill_workers(run):
            time.sleep(0.05)
        del os.environ[RUN]
        # Threads that served the run may fail only now; the run has failed, and reports that itself.
        served = set(threading.enumerate()).difference(others)
        threading.excepthook = _without(served, before) if lost or failed else before


def _leave(left: threading.Event, interrupting: threading.Lock, lost: list[str]) -> None:
    """Ends the interrupts; one that is on its way is dropped here, for the loss of a worker is told anyway."""
    while not left.is_set():
        try:
            with interrupting:
                left.set()
        except KeyboardInterrupt:
            if not lost:
                left.set()
                raise


@contextlib.contextmanager
def _before_handlers(call: Callable[[], None]) -> Iterator[None]:
    """Calls this in the block when a signal comes that stops the run, before what handles the signal."""
    handlers = {number: handler for number in STOP_SIGNALS if callable(handler := signal.getsignal(number))}

    def handle(number: int, frame: Any) -> None:
        call()
        handlers[signal.Signals(number)](number, frame)

    for number in handlers:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _without(threads: Iterable[threading.Thread], hook: Hook) -> Hook:
    """An ``excepthook`` that ignores some threads while they exist, and calls the given hook for all others."""
    silent = weakref.WeakSet(threads)

    def quieter(arguments: threading.ExceptHookArgs) -> None:
        if arguments.thread not in silent:
            hook(arguments)

    return quieter


def _kill_workers(run: str) -> bool:
    """Kills all processes of a run except this one, orphans included; returns whether there were any."""
    import psutil  # workers of an engine do not have it

    found = False
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(RUN) == run:
                process.kill()
                found = True
    return found
