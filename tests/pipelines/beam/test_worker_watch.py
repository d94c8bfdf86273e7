"""Worker processes that die while Beam waits for them."""

import os
import signal
import subprocess
import threading
import time

import grpc
import pytest

from seq2seq_arith.base.errors import WorkerLostError
from seq2seq_arith.base.terminal import STOP_SIGNALS
from seq2seq_arith.pipelines.beam import failures, worker_watch
from seq2seq_arith.pipelines.beam.failures import translate_errors
from seq2seq_arith.pipelines.beam.worker_watch import watch_workers


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
    with pytest.raises(WorkerLostError), translate_errors():
        threads.append(thread(grpc.RpcError("its stream broke"), wait=False))
        threads.append(thread(ValueError("its stream broke late"), wait=True))
        threads.append(thread(RuntimeError("Worker subprocess exited with return code -9"), wait=False))
        time.sleep(60)
    over.set()
    for each in threads:
        each.join()
    assert heard == ["of somebody else"]


def test_an_interrupt_that_is_dropped_comes_again(monkeypatch):
    """As Python drops one that is raised in the callback of a weak reference."""
    monkeypatch.setattr(worker_watch, "REPEAT_SECONDS", 0.3)
    waiting = threading.Event()

    def lose_later() -> None:
        waiting.wait()
        lose()

    dropped = 0
    with pytest.raises(WorkerLostError), translate_errors():
        threading.Thread(target=lose_later).start()
        for _ in range(2):
            try:
                waiting.set()
                time.sleep(60)
            except KeyboardInterrupt:
                dropped += 1
        time.sleep(60)
    assert dropped == 2


def lose() -> None:
    raise RuntimeError("Worker subprocess exited with return code -9")


def test_no_interrupt_comes_after_the_block(monkeypatch):
    """Beam may find out itself that a worker is lost, while the watch still kills the others."""
    before, killing, left = set(threading.enumerate()), threading.Event(), threading.Event()

    def kill(_: str) -> bool:
        if threading.current_thread() is not threading.main_thread():
            killing.set()
            left.wait(60)
        else:
            left.set()
            for each in set(threading.enumerate()) - before:
                each.join(60)
        return False

    monkeypatch.setattr(worker_watch, "_kill_workers", kill)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # as it is, and again at the end
    try:
        with pytest.raises(RuntimeError, match="Channel closed"), watch_workers(lambda _: True, lambda _: True):
            threading.Thread(target=lose).start()
            assert killing.wait(60)
            raise RuntimeError("Channel closed prematurely")
    except KeyboardInterrupt:
        pytest.fail("interrupted on the way out")
    assert worker_watch.RUN not in os.environ


def test_an_interrupt_of_the_translation_is_the_loss_of_a_worker(monkeypatch):
    """Beam has found out itself that a worker is lost, and its error is read when the interrupt comes."""

    def interrupted(_: BaseException) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(failures, "_message", interrupted)
    monkeypatch.setattr(worker_watch, "_kill_workers", lambda _: False)
    with pytest.raises(WorkerLostError), translate_errors():
        threading.Thread(target=lose).start()
        time.sleep(60)


def test_threads_that_served_a_run_that_failed_are_silent(monkeypatch):
    """As the one that waits for the state of a job that an engine gave up: it would print after the reason."""
    heard, over = [], threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda arguments: heard.append(str(arguments.exc_value)))

    def late() -> None:
        over.wait()
        raise grpc.RpcError("its stream broke late")

    threads = [threading.Thread(target=late) for _ in range(2)]
    threads[0].start()
    with pytest.raises(OSError, match="disk"), translate_errors():
        threads[1].start()
        raise OSError(28, "disk")
    over.set()
    for each in threads:
        each.join()
    assert heard == ["its stream broke late"]


@pytest.mark.parametrize("code", [-2, 130, -15, 143])
def test_a_worker_that_is_stopped_is_not_lost(code):
    """A terminal sends Ctrl-C to the workers as well."""

    def end() -> None:
        raise RuntimeError(f"Worker subprocess exited with return code {code}")

    with translate_errors():
        thread = threading.Thread(target=end)
        thread.start()
        thread.join()


@pytest.mark.parametrize("presses", [1, 2])
def test_a_worker_that_beam_waits_for_ends_when_the_run_is_stopped(monkeypatch, presses):
    """Beam does not tell a worker that is only just starting; and a second Ctrl-C ends Beam's own waiting."""
    monkeypatch.setattr(worker_watch, "STOP_SECONDS", 0.5)
    heard = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: heard.append(str(arguments.exc_value)))

    def wait() -> None:
        if code := worker.wait():
            raise RuntimeError(f"Worker subprocess exited with return code {code}")

    with pytest.raises(KeyboardInterrupt), translate_errors():
        worker = subprocess.Popen(["sleep", "600"])
        thread = threading.Thread(target=wait)
        thread.start()
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            if presses > 1:
                signal.raise_signal(signal.SIGINT)
            thread.join()
    assert worker.wait() == -signal.SIGKILL
    thread.join()
    assert heard == []


def test_the_handlers_of_signals_are_put_back():
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    with translate_errors():
        pass
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before


def test_outside_the_main_thread_nothing_is_watched():
    seen = []

    def run() -> None:
        with watch_workers(lambda _: True, lambda _: True) as lost:
            seen.append((lost, threading.excepthook is threading.__excepthook__, worker_watch.RUN in os.environ))

    before = threading.excepthook
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert [lost for lost, *_ in seen] == [[]]
    assert threading.excepthook is before
