"""The list of the runs in a folder: one damaged run hides no other."""

import dataclasses
import json
import shlex

import pytest
import run_files
from layout import OWN_TASKS
from run_files import ROWS, suite_scores, write_run

from seq2seq_arith.arithmetic import own_tasks
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.files import is_locked
from seq2seq_arith.trainer.__main__ import main
from seq2seq_arith.trainer.commands import ARITH_MODEL
from seq2seq_arith.trainer.runs import evaluated, files, listing
from seq2seq_arith.trainer.runs.files import read_json
from seq2seq_arith.trainer.runs.listing import RunState
from seq2seq_arith.trainer.runs.summary import Summary
from seq2seq_arith.trainer.training.opened import OpenRun


def test_a_run_that_is_finished(tmp_path):
    run = write_run(tmp_path / "run")
    entry = listing.entry("run", run.folder)
    assert (entry.state, entry.epochs, entry.most_epochs, entry.best_epoch) == (RunState.FINISHED, 3, 3, 2)
    assert entry.cells() == ["run", "addition", "lstm", "plain", "3 of 3", "2", "0.7500", "-", "finished"]
    retrained = write_run(tmp_path / "retrained", [*ROWS, ROWS[2] | {"epoch": 4, "round": 1}])
    assert listing.entry("retrained", retrained.folder).cells()[4:6] == ["3 of 3", "4"]


def scored(folder, evaluation, summary):
    """A run that was evaluated, and asked at the end of its training; each may be None."""
    run = write_run(folder / "run")
    if evaluation is not None:
        run_files.write_evaluation(run, 2, *evaluation)
    if summary:
        run_files.summary_of(2, summary).write(run.summary)
    return run


@pytest.mark.parametrize(
    ("evaluation", "summary", "shown"),
    [
        (None, None, "-"),
        (None, suite_scores(199), "equal 0.199"),
        (None, suite_scores(1000, slice="random"), "each 1.000"),
        ([suite_scores(199)], suite_scores(500), "equal 0.199"),
        ([suite_scores(199, per_slice=9)], suite_scores(500), "equal 0.500"),  # few questions do not hide all of them
        ([suite_scores(199, per_slice=9)], None, "equal 0.199"),
        ([suite_scores(199, version=1)], suite_scores(500), "equal 0.500"),
        ([suite_scores(199, per_slice=9)], suite_scores(500, version=1), "equal 0.199"),
        ([suite_scores(199, per_slice=5000)], suite_scores(500), "equal 0.199"),
        ([suite_scores(999), suite_scores(100, size=6)], None, "equal 0.999"),
        ([suite_scores(999), suite_scores(100, set="held_out", slice="runs")], None, "equal 0.999"),
    ],
)
def test_the_worst_slice_at_the_size_of_the_dataset(tmp_path, evaluation, summary, shown):
    run = scored(tmp_path, evaluation, summary)
    assert listing.entry("run", run.folder).cells()[7] == shown


@pytest.mark.parametrize(("epoch", "shown"), [(1, "-"), (2, "equal 0.199")])
def test_what_weights_before_the_best_ones_were_asked_is_not_shown(tmp_path, epoch, shown):
    """A training has gone on since, and has found a better epoch."""
    run = write_run(tmp_path / "run")
    run_files.write_evaluation(run, epoch, suite_scores(199))
    assert listing.entry("run", run.folder).cells()[7] == shown
    run.evaluation.unlink()
    run_files.summary_of(epoch, suite_scores(199)).write(run.summary)
    assert listing.entry("run", run.folder).cells()[7] == shown


FIRST_FORMAT = {"best_epoch": 2, "suites": [{"digits": 3, "worst": {"name": "equal", "exact_match": 0.1}}]}


@pytest.mark.parametrize("change", [lambda _: FIRST_FORMAT, lambda content: content | {"format": 3}, lambda _: {}])
def test_an_evaluation_of_another_version_counts_as_missing(tmp_path, change):
    run = write_run(tmp_path / "run")
    run_files.write_evaluation(run, 2, suite_scores(199))
    content = read_json(run.evaluation, dict)
    files.write_json(run.evaluation, change(content))
    assert evaluated.read(run, 2) is evaluated.in_full(run, 2) is None
    assert (
        OpenRun(run).worst_in_words("arith-model evaluate does")
        == "not evaluated on hard questions yet: arith-model evaluate does"
    )
    run_files.write_evaluation(run, 2, suite_scores(199))  # evaluating again writes it again
    assert OpenRun(run).worst_in_words("") == "equal 0.199"


def test_a_summary_of_an_earlier_version_is_read(tmp_path):
    """It had the worst slice alone."""
    run = write_run(tmp_path / "run")
    files.write_json(run.summary, read_json(run.summary, dict) | {"worst_slice": {"name": "equal"}})
    assert Summary.read(run.summary) == run_files.summary_of(2, None)
    assert evaluated.read(run, 2) is None


@pytest.mark.parametrize(
    ("evaluation", "summary", "right"),
    [
        ([suite_scores(199)], suite_scores(500), 199),
        ([suite_scores(199, per_slice=5000)], suite_scores(500), 500),  # more questions are others
        ([suite_scores(199, per_slice=9)], suite_scores(500), 500),
        ([suite_scores(199, per_slice=9)], None, None),
        ([suite_scores(199), suite_scores(100, size=6)], None, 199),
        (None, suite_scores(500, version=1), None),
    ],
)
def test_the_scores_of_the_default_questions(tmp_path, evaluation, summary, right):
    run = scored(tmp_path, evaluation, summary)
    scores = evaluated.in_full(run, 2)
    assert (scores and scores.total().right) == right


def test_runs_that_are_not(tmp_path):
    assert listing.entry("new", write_run(tmp_path / "new", rows=[]).folder).cells()[4:] == [
        "0 of 3",
        *"---",
        "stopped",
    ]
    run = write_run(tmp_path / "stopped", ROWS[:2], stopped="")
    assert listing.entry("stopped", run.folder).cells()[4:] == ["2 of 3", "2", "0.7500", "-", "stopped"]
    with run.locked():
        assert listing.entry("stopped", run.folder).state is RunState.TRAINING
    assert listing.entry("stopped", run.folder).state is RunState.STOPPED
    assert not is_locked(tmp_path / "missing")
    write_run(tmp_path / "proving").summary.unlink()  # killed after its last epoch
    assert listing.entry("proving", tmp_path / "proving").state is RunState.STOPPED


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda run: run.config_path.write_text("[1]"), "config.json is not the configuration"),
        (lambda run: run.history.write_text("epoch\n"), "history.csv is damaged"),
        (lambda run: run.best.write_bytes(b"PK"), "best.npz cannot be read"),
        (lambda run: run.last.write_bytes(b"PK"), "last.npz cannot be read"),
        (lambda run: run.best.unlink(), "there is no checkpoint"),
    ],
)
def test_a_damaged_run_says_what_is_damaged_and_hides_no_other(tmp_path, capsys, spoil, sentence):
    write_run(tmp_path / "a")
    spoil(write_run(tmp_path / "b"))
    write_run(tmp_path / "c")
    assert main(["runs", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["a", "b", "c"]
    assert [line.split()[-1] for line in lines[2:5]] == ["finished", "damaged", "finished"]
    assert lines[6].startswith("b is damaged: ") and sentence in lines[6]
    assert main(["runs", str(tmp_path), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["state"] for row in rows] == ["finished", "damaged", "finished"]
    assert set(rows[0]) == {field.name for field in dataclasses.fields(listing.Entry)}


def test_a_task_of_ones_own_is_listed_if_its_file_is_named(tmp_path, capsys, no_custom_tasks):
    name = own_tasks.use(OWN_TASKS)[0]
    write_run(tmp_path / "own", task=Task(name))
    no_custom_tasks()
    assert main(["runs", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "own is refused: " in shown and f"--task-file {OWN_TASKS}" in shown
    assert main(["runs", str(tmp_path), "--task-file", str(OWN_TASKS)]) == 0
    assert f"own  {name}" in capsys.readouterr().out


def test_a_folder_without_runs_is_refused(tmp_path, capsys):
    assert main(["runs", str(tmp_path)]) == 2
    sentence = capsys.readouterr().err
    assert "contains no run; train one first: arith-model " in sentence
    words = ARITH_MODEL.parse(shlex.split(sentence.partition("first: arith-model ")[2]))
    assert (words.command, words.run_dir) == ("train", f"{tmp_path}/addition")
    (tmp_path / "seq2seq_arith").mkdir()
    assert main(["runs", str(tmp_path)]) == 2
    assert "contains datasets, not runs; give the folder of your runs" in capsys.readouterr().err
    assert main(["runs", "gs://bucket/runs"]) == 2
    assert "gs://bucket/runs is not on a disk of this machine" in capsys.readouterr().err
