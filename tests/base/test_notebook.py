"""What a cell shows, against an IPython that notes it. The tests of the trainer's interface use a real kernel."""

import sys
import types

import pytest

from seq2seq_arith.base import notebook, progress


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
    found: list[Handle] = []

    def display(content, raw: bool, display_id: bool) -> Handle:
        assert raw and display_id
        found.append(Handle(content))
        return found[-1]

    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return found


def test_only_a_kernel_is_a_notebook(monkeypatch, outputs):
    assert notebook.is_notebook()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: object())  # IPython in a terminal
    assert not notebook.is_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not notebook.is_notebook()
    with notebook.one_output() as output:
        assert output is None


def test_parts_stand_below_each_other_and_are_replaced(outputs):
    output = notebook.Output()
    output.show("bar", "1 of 2")
    output.show("table", "a <b>", "<b>a</b>")
    output.show("bar", "2 of 2")
    output.show("bar", "")
    (handle,) = outputs
    assert [content["text/plain"] for content in handle.shown] == [
        "1 of 2",
        "1 of 2\n\na <b>",
        "2 of 2\n\na <b>",
        "a <b>",
    ]
    assert handle.shown[1]["text/html"] == f"{notebook.PLAIN}1 of 2</pre><b>a</b>"
    assert handle.shown[-1]["text/html"] == "<b>a</b>"


def test_all_work_of_a_block_is_one_output(monkeypatch, outputs):
    monkeypatch.setattr(progress, "CELL_SECONDS", 0.0)
    monkeypatch.setattr(progress._Cell, "seconds", 0.0)
    with notebook.one_output():
        for title in ("epoch 1", "validation"):
            with progress.progress(title, 4) as report_progress:
                report_progress(1, "loss 0.5")
                report_progress(4, "loss 0.4")
    (handle,) = outputs
    texts = [content["text/plain"] for content in handle.shown]
    assert texts[0] == f"epoch 1  {'█' * 7}{'░' * 23}  1 of 4 steps  loss 0.5"
    assert texts[1] == f"epoch 1  {'█' * 30}  4 of 4 steps  loss 0.4"
    assert [bool(text) for text in texts] == [True, True, False] * 2
    assert notebook.output() is not notebook.output()


def test_short_work_shows_no_bar(monkeypatch, outputs):
    monkeypatch.setattr(progress._Cell, "seconds", 3600.0)  # also on a busy machine, this work is short
    with progress.progress("addition", 4) as report_progress:
        report_progress(4)
    assert outputs == []


def test_counters_stay_with_their_end(outputs):
    with progress.watch({"draws": 10, "shards": 8}, lambda name: 99):
        pass
    (handle,) = outputs
    assert handle.shown[-1]["text/plain"] == f"{'█' * 30}  10 of 10 draws\n{'█' * 30}  8 of 8 shards"
