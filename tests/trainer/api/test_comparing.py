"""Runs beside each other, and the questions that they are judged by."""

import dataclasses

import pytest

import seq2seq_arith as sa
from seq2seq_arith.base.errors import InputError
from seq2seq_arith.base.intervals import in_words


def test_runs_beside_each_other(small):
    table = sa.compare(small, small)
    assert table.columns == [
        *("name", "given", "draws", "exact_match", "worst_slice", "wrong"),
        *("weights", "seconds", "cpu_seconds"),
    ]
    first, second = table
    assert first == second
    assert (first["name"], first["given"], first["draws"]) == ("small", "nothing", "digits")
    assert first["exact_match"] == max(row["val_exact_match"] for row in small.history)
    assert first["worst_slice"] == f"{small.suite_result.worst.name} {small.suite_result.worst.all}"
    asked = small.suite_result.slices
    count, right = (sum(getattr(each.all, name) for each in asked) for name in ("count", "right"))
    assert first["wrong"] == in_words(count - right, count)
    assert first["weights"] == small.model.count_params()
    assert list(sa.compare()) == []
    small.run.summary.rename(small.folder / "away")
    assert sa.compare(small)[0]["cpu_seconds"] is sa.compare(small)[0]["seconds"] is None
    (small.folder / "away").rename(small.run.summary)


def test_a_run_without_a_checkpoint_is_refused(small, tmp_path):
    with pytest.raises(InputError, match="there is no checkpoint"):
        sa.compare(small, sa.TrainedRun(dataclasses.replace(small.run, folder=tmp_path)))


def test_the_suite_by_slice():
    found = sa.suite("subtraction", digits=5, per_slice=20)
    assert {"random", "equal", "borrow-all"} <= set(found)
    assert all(row["answer"] == "0" for row in found["equal"])
    for rows in found.values():
        for row in rows:
            left, right = row["question"].split("-")
            assert int(left) - int(right) == int(row["answer"])
    assert "suite of subtraction of at most 5 digits" in repr(found)
    assert "<table>" in found._repr_html_()
    assert sa.suite("pq", dashes=20, per_slice=3).keys() == sa.suite("pq", digits=20, per_slice=3).keys()


@pytest.mark.usefixtures("no_custom_tasks")
def test_refuses(refusal):
    with refusal(InputError):
        sa.suite("additoin")
    with refusal(InputError):
        sa.suite("addition", per_slice=0)
