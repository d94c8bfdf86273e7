"""Comparisons of runs, and the suite of a task."""

import seq2seq_arith as sa
from seq2seq_arith.base.intervals import in_words
from seq2seq_arith.trainer.evaluation import suites, summary_table
from seq2seq_arith.trainer.training import building
from seq2seq_arith.trainer.training.opened import OpenRun


def test_a_comparison_of_runs(small, monkeypatch):
    table = sa.compare(small, small)
    assert table.columns == [
        *("name", "hints", "draws", "exact_match", "worst_slice", "wrong"),
        *("weights", "seconds", "cpu_seconds"),
    ]
    first, second = table
    assert first == second
    assert (first["name"], first["hints"], first["draws"]) == ("small", "reversed question", "digits")
    assert first["exact_match"] == max(row["val_exact_match"] for row in small.history)
    scores = suites.evaluate_run(OpenRun(small.run))
    worst = scores.worst()
    assert first["worst_slice"] == f"{worst.slice} {worst}"
    count, right = (sum(getattr(row, name) for row in scores.rows) for name in ("questions", "right"))
    assert first["wrong"] == in_words(count - right, count)
    assert first["weights"] == small.model.count_params()
    assert list(sa.compare()) == []
    small.run.summary.rename(small.folder / "away")
    assert sa.compare(small)[0]["cpu_seconds"] is sa.compare(small)[0]["seconds"] is None
    (small.folder / "away").rename(small.run.summary)
    # Saved scores are not evaluated again: from an evaluation, or from the end of a training by the program.
    small.evaluate()
    with monkeypatch.context() as patch:
        patch.setattr(building, "restore", None)
        assert sa.compare(sa.open_run(small.folder))[0] == first
    small.run.evaluation.unlink()
    summary = small.run.summary.read_bytes()
    summary_table.evaluate_suite(OpenRun(small.run))
    monkeypatch.setattr(building, "restore", None)
    assert sa.compare(sa.open_run(small.folder))[0] == first
    small.run.summary.write_bytes(summary)


def test_the_suite_by_slice():
    suite = sa.suite("subtraction", digits=5, per_slice=20)
    assert {"random", "equal", "borrow-all"} <= set(suite)
    assert all(row["answer"] == "0" for row in suite["equal"])
    assert "suite of subtraction of at most 5 digits" in repr(suite)
    assert "<table>" in suite._repr_html_()
    assert sa.suite("pq", dashes=20, per_slice=3).keys() == sa.suite("pq", digits=20, per_slice=3).keys()
