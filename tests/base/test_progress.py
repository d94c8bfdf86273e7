"""The progress that a person watches during a run: bars, lines, and the output of a notebook's cell.

The cell's are against an IPython that notes what it shows; tests/notebooks uses a real kernel.
"""

import io
import re
import sys
import threading
import types

import pytest

from seq2seq_arith.base import progress, terminal
from seq2seq_arith.base.terminal import say


def test_counters_are_lines_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.001)
    seen = threading.Event()
    shown = []

    def current(name: str) -> int:
        shown.append(name)
        if len(shown) > 6:
            seen.set()
        # A runner that runs a bundle twice counts too much; nobody is shown more than all.
        return {"draws": 1_234_567, "shards": 99}[name]

    with progress.watch({"draws": 2_000_000, "shards": 8}, current):
        assert seen.wait(60)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 3
    assert all(re.fullmatch(r"\d+ s: 1,234,567 of 2,000,000 draws, 8 of 8 shards", line) for line in lines)


def test_a_reader_that_leaves_ends_the_watcher_in_silence(monkeypatch):
    """Python would print the traceback of a thread. The work continues, and finds the closed end itself."""
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
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["addition: 1 of 3 steps  loss 0.5", "addition: 2 of 3 steps  loss 0.5"]
    with terminal.silent(), progress.progress("addition", 3) as report_progress:
        report_progress(1, "loss 0.5")
    assert capsys.readouterr() == ("", "")


def test_bars_in_a_terminal(monkeypatch, capsys):
    """A titled one makes way; a line that is printed meanwhile stands above it."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.setattr(progress, "BAR_SECONDS", 0.0)
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.progress("addition", 3) as report_progress:
        report_progress(2, "loss 0.5")
        say("a line")
    shown = terminal.getvalue()
    assert re.search(r"addition: +67%.*2/3 .*loss 0.5", shown)
    assert shown.endswith("\r")
    with progress.watch({"draws": 10, "shards": 8}, lambda _: 99, lambda: "writes"):
        pass
    assert re.search(r"draws: 100%.* 10/10 .*\n?.*shards: 100%.* 8/8 .*writes", terminal.getvalue(), re.DOTALL)
    assert capsys.readouterr().out == "a line\n"


class Handle:
    """An output of a cell: all that it has shown."""

    def __init__(self, content) -> None:
        self.shown = [content]

    def update(self, content, raw: bool) -> None:
        assert raw
        self.shown.append(content)


@pytest.fixture
def outputs(monkeypatch) -> list[Handle]:
    """The outputs of a cell, in a kernel."""
    handles: list[Handle] = []

    def display(content, raw: bool, display_id: bool) -> Handle:
        assert raw and display_id
        handles.append(Handle(content))
        return handles[-1]

    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return handles


def test_only_a_kernel_is_a_notebook(monkeypatch, outputs):
    assert progress.is_notebook()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: object())  # IPython in a terminal
    assert not progress.is_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not progress.is_notebook()
    with progress.one_output() as output:
        assert output is None


def test_parts_stand_below_each_other_and_are_replaced(outputs):
    output = progress.Output()
    output.show("bar", "1 of 2")
    output.show("table", "a <b>", "<b>a</b>")
    output.show("bar", "2 of 2")
    output.remove("bar")
    output.remove("nothing")
    (handle,) = outputs
    assert [content["text/plain"] for content in handle.shown] == [
        "1 of 2",
        "1 of 2\n\na <b>",
        "2 of 2\n\na <b>",
        "a <b>",
    ]
    assert handle.shown[1]["text/html"] == f"{progress.PLAIN}1 of 2</pre><b>a</b>"
    assert handle.shown[-1]["text/html"] == "<b>a</b>"


def test_all_work_of_a_block_is_one_output(monkeypatch, outputs):
    monkeypatch.setattr(progress, "CELL_SECONDS", 0.0)
    with progress.one_output():
        for title in ("epoch 1", "validation"):
            with progress.progress(title, 4) as report_progress:
                report_progress(1, "loss 0.5")
                report_progress(4, "loss 0.4")
    (handle,) = outputs
    texts = [content["text/plain"] for content in handle.shown]
    assert re.fullmatch(r"epoch 1: +25%.* 1/4 .*  loss 0.5", texts[0])
    assert re.fullmatch(r"epoch 1: 100%.* 4/4 .*  loss 0.4", texts[1])
    assert [bool(text) for text in texts] == [True, True, False] * 2
