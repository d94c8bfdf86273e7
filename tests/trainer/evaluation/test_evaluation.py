"""The evaluation of a run: the sets, the tables, and data that is gone."""

import contextlib
import dataclasses
import io
import json
import re
import shutil
import types
from typing import Any
from unittest import mock

import configs
import numpy as np
import pytest

import seq2seq_arith as sa
from seq2seq_arith.arithmetic import operations, slices
from seq2seq_arith.arithmetic.operations import OPERATIONS
from seq2seq_arith.arithmetic.scoring import Scores
from seq2seq_arith.arithmetic.suites import VERSION, Slice, SuiteOptions
from seq2seq_arith.arithmetic.task import Task
from seq2seq_arith.base.decoding import decode
from seq2seq_arith.base.errors import InputError, WriteError
from seq2seq_arith.base.intervals import in_words
from seq2seq_arith.base.tables import cut
from seq2seq_arith.pipelines.__main__ import main as arith_data
from seq2seq_arith.trainer.api.trained_run import TrainedRun
from seq2seq_arith.trainer.commands.evaluate import show_evaluation
from seq2seq_arith.trainer.config import override
from seq2seq_arith.trainer.data import question_sets, records
from seq2seq_arith.trainer.data.question_sets import HeldOut
from seq2seq_arith.trainer.evaluation import evaluation, evaluation_text
from seq2seq_arith.trainer.reporting import collect, page
from seq2seq_arith.trainer.runs import checkpoints, evaluated, history
from seq2seq_arith.trainer.runs.evaluated import Evaluation
from seq2seq_arith.trainer.runs.files import read_json
from seq2seq_arith.trainer.runs.run import open_run
from seq2seq_arith.trainer.sweeps import results
from seq2seq_arith.trainer.training import session
from seq2seq_arith.trainer.training.opened import OpenRun

FEW = SuiteOptions(per_slice=20, seed=3)


def evaluate(run, **options):
    """As the command does: the evaluation is printed, and saved."""
    scores = evaluation.measure(run, **options)
    show_evaluation((run, scores))
    return scores


@pytest.fixture(scope="module")
def printed_and_measured(trained):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        measured = evaluate(OpenRun(trained), lengths=[2, 5], chosen=FEW)
    return printed.getvalue(), measured


@pytest.fixture(scope="module")
def measured(printed_and_measured):
    return printed_and_measured[1]


@pytest.fixture(scope="module")
def printed(printed_and_measured):
    return printed_and_measured[0]


def test_the_sets(measured, printed, trained):
    assert read_json(trained.evaluation, dict) == measured.content
    assert evaluated.evaluation_of(trained) == measured
    assert measured.data == {"parameters": trained.task.parameters(), "sha256": trained.sha256}
    assert measured.best_epoch == history.best(history.read_csv(trained.history))["epoch"]
    assert measured.hints == "digits aligned, units first"
    assert "hints of the input format aligned: digits aligned, units first" in printed.splitlines()
    validation, third = measured.sets.values()
    assert list(measured.sets) == ["validation", "test set: seed 1, unseen"]
    assert validation.examples == trained.task.num_validation
    assert 0.1 < validation.exact_match < 1
    assert 500 < third.examples < 1003
    assert third.exact_match == pytest.approx(validation.exact_match, abs=0.2)


def test_the_suite_at_each_d(measured, trained):
    assert measured.scores.sizes == [trained.task.size, 2, 5] == list(measured.lengths)
    assert {row.version for row in measured.scores.select("standard").rows} == {VERSION}
    assert (measured.scores.seed, measured.scores.per_slice) == (3, 20)
    assert measured.scores.select("standard", trained.task.size).total().seen > 0


def test_the_line_of_results_has_the_counts(measured, trained, monkeypatch):
    rows = [{"steps": 7, "round": 0, "exact_match": 0.5, "val_exact_match": 0.99996}]
    monkeypatch.setattr(history, "read_csv", lambda path: rows)
    line = results.row_of(trained.folder, "group", 0, {"per-slice": 20})
    assert (line.suite, line.draws, line.cpu_seconds > 0) == ({"per-slice": 20}, "digits", True)
    assert line.curve == [[7, 0.5, 0.9999]]  # cut off, so that 1 means all
    assert decode(results.Result, json.loads(json.dumps(line.to_json()))) == line
    names = ("set", "version", "size", "slice", "questions", "right", "seen", "seen_right")
    kept, rows = ([[getattr(row, name) for name in names] for row in scored.scores.rows] for scored in (line, measured))
    assert kept == rows
    assert not any(row.mistake or row.why or row.characters for row in line.scores.rows)  # which no table shows


def test_the_worst_slice_is_last(measured, printed):
    assert list(measured.content)[-1] == "scores"
    suites = [
        *measured.scores.select("held_out").suites().values(),
        *measured.scores.select("standard").suites().values(),
    ]
    lines = printed.splitlines()[-len(suites) :]
    for suite, line in zip(suites, lines, strict=True):
        worst = suite.worst()
        assert worst.exact_match == min(row.exact_match for row in suite.rows)
        kind = "held-out " if worst.set == "held_out" else ""
        score = f"{cut(worst.exact_match, 3)} of {worst.questions}: "
        assert line.startswith(f"at {worst.size} digits, worst {kind}slice: {worst.slice}, {score}")
        assert line == f"at {worst.size} digits, {suite.worst_in_words()}"


def test_both_sets_are_evaluated_and_printed_apart(measured, printed):
    sizes = []
    for set in ("standard", "held_out"):
        for (_, size), suite in measured.scores.select(set).suites().items():
            sizes.append(size)
            drawn = OPERATIONS["addition"].slices(set, size)
            assert [row.slice for row in suite.rows] == [slice.name for slice in drawn]
            assert 0 < suite.rows[0].questions <= 20
    assert sizes == 2 * measured.scores.sizes
    assert [int(size) for size in re.findall(r"suite of addition at (\d+) digits: ", printed)] == sizes


def test_mistakes_are_mistakes(measured):
    assert 0 < len(measured.mistakes) <= evaluation.MISTAKES
    for mistake in measured.mistakes:
        left, right = map(int, mistake.question.split("+"))
        assert mistake.answer == str(left + right) != mistake.prediction


def test_a_run_whose_data_is_gone_is_evaluated_on_its_suite(trained, tmp_path, capsys, measured, input_error):
    shutil.copytree(trained.folder, tmp_path / "run")
    lost = dataclasses.replace(open_run(tmp_path / "run"), data_dir=str(tmp_path / "nowhere"))
    alone = evaluate(OpenRun(lost), chosen=FEW)
    printed = capsys.readouterr().out
    assert (alone.sets, alone.tables, alone.mistakes, alone.data["sha256"]) == ({}, {}, (), None)
    assert alone.exact_match is alone.character_accuracy is None
    assert read_json(tmp_path / "run" / "evaluation.json", dict) == alone.content
    assert "no validation set and no test set was evaluated, because the dataset of the run is missing: " in printed
    assert f"arith-data generate addition --num-examples 1003 --data-dir {tmp_path / 'nowhere'}" in printed
    assert "which questions of the suite are in the training set is not known" in printed
    assert "not seen" not in printed
    own = alone.scores.select("standard", trained.task.size).total()
    assert f"\nwrong: {in_words(own.wrong, own.questions)}; " in printed
    assert own.seen is None
    at_own_size = [row for row in measured.scores.rows if row.size == trained.task.size]
    assert [dataclasses.replace(row, seen=None, seen_right=None) for row in at_own_size] == list(alone.scores.rows)
    with input_error(InputError):
        evaluate(OpenRun(lost, str(tmp_path)), chosen=FEW)
    data, (note,) = evaluation.held_out(OpenRun(dataclasses.replace(trained, sha256="of another")))
    assert data is None and note.endswith("the dataset addition-n1003 is not the one on which this run was trained")


def test_every_kept_epoch_is_evaluated_at_every_length(trained, tmp_path, measured, input_error):
    run = open_run(shutil.copytree(trained.folder, tmp_path / "run"))
    with input_error(InputError):
        evaluate(OpenRun(run), every_epoch=True)
    arrays, best = checkpoints.load(run.best)[0], measured.best_epoch
    for epoch, factor in ((best, 1), (best + 1, 0)):
        checkpoints.save(run.of_epoch(epoch), {name: factor * array for name, array in arrays.items()}, {})
    scores = TrainedRun(run).evaluate(lengths=[2, 5], per_slice=20, seed=3, every_epoch=True)
    rows = scores.epochs
    assert [(row["epoch"], row["digits"]) for row in rows] == [
        (epoch, size) for epoch in (best, best + 1) for size in (3, 2, 5)
    ]
    for row, suite in zip(rows[:3], measured.scores.select("standard").suites().values(), strict=True):
        assert (row["worst"], row["worst_slice"]) == (suite.worst().exact_match, suite.worst().slice)
        assert (row["questions"], row["exact_match"]) == (suite.total().questions, suite.exact_match)
    assert max(row["exact_match"] for row in rows[3:]) < 0.1  # a network whose weights are all zero
    assert run.epochs_plot.read_bytes().startswith(b"\x89PNG")
    assert [len(axes.get_images()[0].get_array()) for axes in scores.plot_epochs().figure.axes[::2]] == [2, 2]
    assert evaluated.evaluation_of(run) == scores
    assert f"\n{best} (best)" in evaluation_text.epochs_in_words(scores)[1]
    assert f"evaluated: the weights of epoch {best}, the best on the validation set" in scores.notes


def test_a_task_without_a_suite(trained, monkeypatch, capsys, tmp_path):
    """Custom tasks may have none."""
    shutil.copytree(trained.folder, tmp_path / "run")
    bare = dataclasses.replace(OPERATIONS["addition"], suite=lambda size: (), held_out=lambda size: ())
    monkeypatch.setattr(operations, "BUILT_IN", OPERATIONS | {"addition": bare})
    run = open_run(tmp_path / "run")
    measured = evaluate(OpenRun(run))
    assert measured.worst_slice is measured.worst_held_out is None
    assert measured.scores.rows == ()
    assert list(measured.slices) == list(measured.held_out) == []
    assert measured.notes[-2:] == (
        "addition has no held-out slices, so none were evaluated",
        "addition has no suite, so it was not evaluated on hard questions",
    )
    assert OpenRun(run).worst_in_words("") == "this task has no hard questions"
    assert capsys.readouterr().out.endswith("\naddition has no suite, so it was not evaluated on hard questions\n")


@pytest.mark.slow
def test_the_waves_of_modular_addition_are_saved_and_printed(tmp_path, capsys):
    data, task = str(tmp_path / "data"), Task("modular_addition", size=11)
    arith_data(["generate", task.name, "--modulus", "11", "--data-dir", data])
    run = session.train(task, data, str(tmp_path / "run"), override(configs.TAGGER, hidden=8, layers=1, epochs=1)).run
    measured = evaluate(OpenRun(run), chosen=FEW).waves
    assert results.row_of(run.folder, "group", 0, {}).waves == measured
    assert {*measured["frequencies"]} <= {*range(1, 6)} and 0 <= measured["explained"] <= 1
    assert f" explain {cut(measured['explained'], 4)} of logits\nexact match " in capsys.readouterr().out


def test_an_added_slice_is_evaluated_saved_and_shown(trained, tmp_path, monkeypatch, capsys):
    """By its entry alone: in the suite, the scores of any answerer, an evaluation, a line of results and a report."""

    def draw(words, size):
        return tuple(10 ** words.between(1, size) // 9 for _ in range(2))

    def suite(size):
        return [*slices.addition(size), Slice("ones", "Ones alone.", draw, since=VERSION)]

    entry = dataclasses.replace(OPERATIONS["addition"], suite=suite)
    monkeypatch.setattr(operations, "BUILT_IN", OPERATIONS | {"addition": entry})
    questions = sa.suite("addition", digits=3, per_slice=20)
    ones = {"1+1", "11+1", "1+11", "111+1", "1+111", "11+11", "111+11", "11+111", "111+111"}
    assert {row["question"] for row in questions["ones"]} <= ones
    assert questions.score(eval)["ones"]["exact_match"] == 1
    run = open_run(shutil.copytree(trained.folder, tmp_path / "run"))
    measured = evaluate(OpenRun(run), chosen=FEW)
    assert measured["ones"]["why"] == "Ones alone." and measured["ones"]["questions"] <= len(ones)
    assert "\nones " in capsys.readouterr().out
    saved = OpenRun(run).scores
    assert saved and saved["ones"] == measured["ones"]
    assert results.row_of(run.folder, "group", 0, {}).scores["ones"]["exact_match"] == measured["ones"]["exact_match"]
    report = collect.collect(run, "first", examples=10, lengths=(), chosen=FEW)
    assert report.scores["ones"] == measured["ones"]
    assert "Ones alone." in page.render([report])


def test_a_set_of_all_its_pairs_has_no_test_set(tmp_path, monkeypatch):
    task, generate = Task("addition", size=1, num_examples=55), ["generate", "addition", "--digits", "1"]
    arith_data([*generate, "--num-examples", "55", "--data-dir", str(tmp_path)])
    data = HeldOut(records.open_source(task, str(tmp_path)))
    seed, others = data.test_set()
    assert (seed, len(others)) == (1, 0)
    right: Any = types.SimpleNamespace(exact=np.ones(len(data.validation), bool))
    monkeypatch.setattr(evaluation, "evaluate", lambda learner, examples: right)
    learner: Any = None
    results, _, notes = evaluation.on_data(learner, data, stream=False)
    assert list(results) == ["validation"]
    assert notes[-1].startswith("there is no test set: the dataset contains every pair of")


def test_a_shared_pair_is_found(trained, monkeypatch, input_error):
    data = evaluation.held_out(OpenRun(trained))[0]
    assert data and not data.trained.has(data.operands).any()
    monkeypatch.setattr(
        question_sets, "trained_on", lambda split: question_sets.KeySet(trained.task, data.pairs.values[[7, 30]])
    )
    again = HeldOut(data.source)
    first = question_sets.pair(trained.task, data.pairs.values[7])
    with pytest.raises(
        InputError, match=rf"2 validation pairs of addition-n1003 .* the first is {re.escape(str(first))};"
    ):
        _ = again.trained
    with input_error(InputError):
        evaluation.measure(OpenRun(trained), chosen=FEW)


def test_an_evaluation_is_printed_if_it_cannot_be_saved(trained, monkeypatch, capsys):
    monkeypatch.setattr(evaluated, "write_json", mock.Mock(side_effect=WriteError("evaluation.json", "full")))
    with pytest.raises(WriteError):
        evaluate(OpenRun(trained), chosen=SuiteOptions(per_slice=1))
    assert capsys.readouterr().out.splitlines()[-1].startswith("worst slice: ")


def test_nothing_is_written_into_the_package():
    run = open_run("pretrained:addition")
    empty: dict[str, Any] = {"data": {}, "hints": "", "notes": (), "sets": {}, "tables": {}, "mistakes": ()}
    measured = Evaluation(size=5, best_epoch=1, scores=Scores(()), path=run.evaluation, **empty)
    evaluation.save(run, measured)
    assert not run.evaluation.exists()
