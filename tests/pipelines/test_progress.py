"""What a person watches while a run goes on."""

import re
import threading

import pytest

from seq2seq_arith.pipelines import progress


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


def test_lines_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.001)
    seen = threading.Event()
    shown = []

    def current(name: str) -> int:
        shown.append(name)
        if len(shown) > 6:
            seen.set()
        # An engine that runs a bundle twice counts too much; nobody is shown more than all.
        return {"draws": 1_234_567, "shards": 99}[name]

    with progress.shown({"draws": 2_000_000, "shards": 8}, current):
        assert seen.wait(60)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 3
    assert all(re.fullmatch(r"\d+ s: 1,234,567 of 2,000,000 draws, 8 of 8 shards", line) for line in lines)


def test_a_short_run_prints_nothing(capsys):
    with progress.shown({"draws": 10}, progress.count):
        pass
    assert capsys.readouterr().err == ""


def test_the_watcher_ends_with_an_error_inside():
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), progress.shown({"draws": 10}, progress.count):
        raise ZeroDivisionError
    assert threading.active_count() == before
