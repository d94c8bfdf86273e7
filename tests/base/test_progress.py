"""The progress that a person watches while a run goes on."""

import io
import re
import sys
import threading

import pytest

from seq2seq_arith.base import progress


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_counts_from_many_threads_add_up():
    progress.reset()
    threads = [threading.Thread(target=lambda: [progress.add("draws", 2) for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert progress.count("draws") == 8000
    assert progress.count("shards") == 0
    progress.reset()
    assert progress.count("draws") == 0


def test_counters_are_lines_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.001)
    seen = threading.Event()
    shown = []

    def current(name: str) -> int:
        shown.append(name)
        if len(shown) > 6:
            seen.set()
        # An engine that runs a bundle twice counts too much; nobody is shown more than all.
        return {"draws": 1_234_567, "shards": 99}[name]

    with progress.watch({"draws": 2_000_000, "shards": 8}, current):
        assert seen.wait(60)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 3
    assert all(re.fullmatch(r"\d+ s: 1,234,567 of 2,000,000 draws, 8 of 8 shards", line) for line in lines)


def test_a_short_run_prints_nothing(capsys):
    with progress.watch({"draws": 10}, progress.count):
        pass
    assert capsys.readouterr().err == ""


def test_the_watcher_ends_with_an_error_inside():
    before = set(threading.enumerate())  # of which some may end meanwhile
    with pytest.raises(ZeroDivisionError), progress.watch({"draws": 10}, progress.count):
        raise ZeroDivisionError
    assert set(threading.enumerate()) <= before


def test_a_reader_that_leaves_ends_the_watcher_in_silence(monkeypatch):
    """Python would print the traceback of a thread. The work goes on, and finds the closed end itself."""
    heard, left = [], threading.Event()

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            left.set()
            raise BrokenPipeError

    monkeypatch.setattr(threading, "excepthook", heard.append)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.001)
    monkeypatch.setattr(progress.sys, "stderr", Closed())
    with progress.watch({"draws": 10}, progress.count):
        assert left.wait(60)
    assert heard == []


def test_work_that_reports_is_lines_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with progress.progress("addition", 3) as report_progress:
        for done in range(1, 4):
            report_progress(done, "loss 0.5")
    assert capsys.readouterr().out.splitlines() == [
        "addition: 1 of 3 steps  loss 0.5",
        "addition: 2 of 3 steps  loss 0.5",
    ]


def test_lines_keep_their_distance(capsys):
    with progress.progress("addition", 1000) as report_progress:
        for done in range(1000):
            report_progress(done)
    assert capsys.readouterr().out == ""


COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colours_are_left_out_if_somebody_says_so(monkeypatch, no_color):
    """https://no-color.org: if the variable is not empty."""
    out = Terminal()
    monkeypatch.setattr(progress.sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", no_color)
    with progress.progress("addition", 3) as report_progress:
        report_progress(2)
    assert bool(COLOUR.search(out.getvalue())) == (not no_color)


def test_bars_in_a_terminal(monkeypatch):
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(progress.sys, "stdout", out)
    monkeypatch.setattr(progress.sys, "stderr", err)
    with progress.progress("addition", 3) as report_progress:
        report_progress(3, "loss 0.5")
    with progress.watch({"draws": 10}, lambda _: 99):
        pass
    assert "addition" in out.getvalue()
    assert re.search(r"draws.*10/10", err.getvalue())


def test_a_program_that_a_cell_starts_prints_no_bars(monkeypatch):
    """``!arith-data`` has a terminal there, whose text the notebook keeps with every redraw."""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    for variable, has_bar in (("", True), ("123", False)):
        monkeypatch.setenv("JPY_PARENT_PID", variable) if variable else monkeypatch.delenv("JPY_PARENT_PID", False)
        stream = Terminal()
        monkeypatch.setattr(sys, "stdout", stream)
        with progress.progress("training", 10) as report:
            report(5)
        assert ("\x1b[" in stream.getvalue()) == has_bar
        assert ("training: 5 of 10 steps" in stream.getvalue()) != has_bar
