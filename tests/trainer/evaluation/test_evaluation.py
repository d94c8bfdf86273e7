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
    """As the command does: what is found is shown, and saved."""
    found = evaluation.measure(run, **options)
    show_evaluation((run, found))
    return found


@pytest.fixture(scope="module")
def printed_and_found(trained):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        found = evaluate(OpenRun(trained), lengths=[2, 5], chosen=FEW)
    return printed.getvalue(), found


@pytest.fixture(scope="module")
def found(printed_and_found):
    return printed_and_found[1]


@pytest.fixture(scope="module")
def printed(printed_and_found):
    return printed_and_found[0]


def test_the_sets(found, printed, trained):
    assert read_json(trained.evaluation, dict) == found.content
    assert evaluated.evaluation_of(trained) == found
    assert found.data == {"parameters": trained.task.parameters(), "sha256": trained.sha256}
    assert found.best_epoch == history.best(history.read_csv(trained.history))["epoch"]
    assert found.hints == "digits aligned, units first"
    assert "hints of the input format aligned: digits aligned, units first" in printed.splitlines()
    validation, third = found.sets.values()
    assert list(found.sets) == ["validation", "test set: seed 1, unseen"]
    assert validation.examples == trained.task.num_validation
    assert 0.1 < validation.exact_match < 1
    assert 500 < third.examples < 1003
    assert third.exact_match == pytest.approx(validation.exact_match, abs=0.2)


def test_the_suite_at_each_d(found, trained):
    assert found.scores.sizes == [trained.task.size, 2, 5] == list(found.lengths)
    assert {row.version for row in found.scores.select("standard").rows} == {VERSION}
    assert (found.scores.seed, found.scores.per_slice) == (3, 20)
    assert found.scores.select("standard", trained.task.size).total().seen > 0


def test_the_line_of_results_has_the_counts(found, trained, monkeypatch):
    rows = [{"steps": 7, "round": 0, "exact_match": 0.5, "val_exact_match": 0.99996}]
    monkeypatch.setattr(history, "read_csv", lambda path: rows)
    line = results.row_of(trained.folder, "group", 0, {"per-slice": 20})
    assert (line.suite, line.draws, line.cpu_seconds > 0) == ({"per-slice": 20}, "digits", True)
    assert line.curve == [[7, 0.5, 0.9999]]  # cut off, so that 1 means all
    assert decode(results.Result, json.loads(json.dumps(line.to_json()))) == line
    names = ("set", "version", "size", "slice", "questions", "right", "seen", "seen_right")
    kept, rows = ([[getattr(row, name) for name in names] for row in each.scores.rows] for each in (line, found))
    assert kept == rows
    assert not any(row.mistake or row.why or row.characters for row in line.scores.rows)  # which no table shows


def test_the_worst_slice_is_last(found, printed):
    assert list(found.content)[-1] == "scores"
    suites = [*found.scores.select("held_out").suites().values(), *found.scores.select("standard").suites().values()]
    lines = printed.splitlines()[-len(suites) :]
    for suite, line in zip(suites, lines, strict=True):
        worst = suite.worst()
        assert worst.exact_match == min(row.exact_match for row in suite.rows)
        kind = "held-out " if worst.set == "held_out" else ""
        score = f"{cut(worst.exact_match, 3)} of {worst.questions}: "
        assert line.startswith(f"at {worst.size} digits, worst {kind}slice: {worst.slice}, {score}")
        assert line == f"at {worst.size} digits, {suite.worst_in_words()}"


def test_both_sets_are_asked_and_printed_apart(found, printed):
    sizes = []
    for set in ("standard", "held_out"):
        for (_, size), suite in found.scores.select(set).suites().items():
            sizes.append(size)
            drawn = OPERATIONS["addition"].slices(set, size)
            assert [row.slice for row in suite.rows] == [each.name for each in drawn]
            assert 0 < suite.rows[0].questions <= 20
    assert sizes == 2 * found.scores.sizes
    assert [int(size) for size in re.findall(r"suite of addition at (\d+) digits: ", printed)] == sizes


def test_mistakes_are_mistakes(found):
    assert 0 < len(found.mistakes) <= evaluation.MISTAKES
    for mistake in found.mistakes:
        left, right = map(int, mistake.question.split("+"))
        assert mistake.answer == str(left + right) != mistake.prediction


def test_a_run_whose_data_is_gone_is_asked_its_suite(trained, tmp_path, capsys, found):
    shutil.copytree(trained.folder, tmp_path / "run")
    lost = dataclasses.replace(open_run(tmp_path / "run"), data_dir=str(tmp_path / "nowhere"))
    alone = evaluate(OpenRun(lost), chosen=FEW)
    printed = capsys.readouterr().out
    assert (alone.sets, alone.tables, alone.mistakes, alone.data["sha256"]) == ({}, {}, (), None)
    assert alone.exact_match is alone.character_accuracy is None
    assert read_json(tmp_path / "run" / "evaluation.json", dict) == alone.content
    assert "there is no validation set, and no test set, for the run's own data is not there: there is no " in printed
    assert f"arith-data generate addition --num-examples 1003 --data-dir {tmp_path / 'nowhere'}" in printed
    assert "which questions of the suite are in the training set is not known" in printed
    assert "not seen" not in printed
    own = alone.scores.select("standard", trained.task.size).total()
    assert f"\nwrong: {in_words(own.wrong, own.questions)}; " in printed
    assert own.seen is None
    known = [row for row in found.scores.rows if row.size == trained.task.size]
    assert [dataclasses.replace(row, seen=None, seen_right=None) for row in known] == list(alone.scores.rows)
    with pytest.raises(InputError, match="there is no dataset"):
        evaluate(OpenRun(lost, str(tmp_path)), chosen=FEW)
    data, (note,) = evaluation.held_out(OpenRun(dataclasses.replace(trained, sha256="of another")))
    assert data is None and note.endswith("the dataset addition-n1003 that is there is not the one of this run")


def test_every_kept_epoch_is_asked_at_every_length(trained, tmp_path, found):
    run = open_run(shutil.copytree(trained.folder, tmp_path / "run"))
    with pytest.raises(InputError, match="train with --keep-epochs"):
        evaluate(OpenRun(run), every_epoch=True)
    arrays, best = checkpoints.load(run.best)[0], found.best_epoch
    for epoch, factor in ((best, 1), (best + 1, 0)):
        checkpoints.save(run.of_epoch(epoch), {name: factor * array for name, array in arrays.items()}, {})
    scores = TrainedRun(run).evaluate(lengths=[2, 5], per_slice=20, seed=3, every_epoch=True)
    rows = scores.epochs
    assert [(row["epoch"], row["digits"]) for row in rows] == [
        (each, at) for each in (best, best + 1) for at in (3, 2, 5)
    ]
    for row, suite in zip(rows[:3], found.scores.select("standard").suites().values(), strict=True):
        assert (row["worst"], row["worst_slice"]) == (suite.worst().exact_match, suite.worst().slice)
        assert (row["questions"], row["exact_match"]) == (suite.total().questions, suite.exact_match)
    assert max(row["exact_match"] for row in rows[3:]) < 0.1  # a network whose weights are all zero
    assert run.epochs_plot.read_bytes().startswith(b"\x89PNG")
    assert [len(axes.get_images()[0].get_array()) for axes in scores.plot_epochs().figure.axes[::2]] == [2, 2]
    assert evaluated.evaluation_of(run) == scores
    assert f"\n{best} (best)" in evaluation_text.epochs_in_words(scores)[1]
    assert f"asked: the weights of epoch {best}, the best on the validation set" in scores.notes


def test_a_task_without_a_suite(trained, monkeypatch, capsys, tmp_path):
    """Tasks of one's own may have none."""
    shutil.copytree(trained.folder, tmp_path / "run")
    bare = dataclasses.replace(OPERATIONS["addition"], suite=lambda size: (), held_out=lambda size: ())
    monkeypatch.setattr(operations, "BUILT_IN", OPERATIONS | {"addition": bare})
    run = open_run(tmp_path / "run")
    found = evaluate(OpenRun(run))
    assert found.worst_slice is found.worst_held_out is None
    assert found.scores.rows == ()
    assert list(found.slices) == list(found.held_out) == []
    assert found.notes[-2:] == (
        "addition has no held-out slices, so none were asked",
        "addition has no suite, so no hard questions were asked",
    )
    assert OpenRun(run).worst_in_words("") == "this task has no hard questions"
    assert capsys.readouterr().out.endswith("\naddition has no suite, so no hard questions were asked\n")


@pytest.mark.slow
def test_the_waves_of_modular_addition_are_saved_and_printed(tmp_path, capsys):
    data, task = str(tmp_path / "data"), Task("modular_addition", size=11)
    arith_data(["generate", task.name, "--modulus", "11", "--data-dir", data])
    run = session.train(task, data, str(tmp_path / "run"), override(configs.TAGGER, hidden=8, layers=1, epochs=1)).run
    found = evaluate(OpenRun(run), chosen=FEW).waves
    assert results.row_of(run.folder, "group", 0, {}).waves == found
    assert {*found["frequencies"]} <= {*range(1, 6)} and 0 <= found["explained"] <= 1
    assert f" explain {cut(found['explained'], 4)} of logits\nexact match " in capsys.readouterr().out


def test_a_slice_that_is_added_is_asked_scored_saved_and_shown(trained, tmp_path, monkeypatch, capsys):
    """By its entry alone: in the suite, the scores of any answerer, an evaluation, a line of results and a report."""

    def draw(words, size):
        return tuple(10 ** words.between(1, size) // 9 for _ in range(2))

    def suite(size):
        return [*slices.addition(size), Slice("ones", "Ones alone.", draw, since=VERSION)]

    entry = dataclasses.replace(OPERATIONS["addition"], suite=suite)
    monkeypatch.setattr(operations, "BUILT_IN", OPERATIONS | {"addition": entry})
    questions = sa.suite("addition", digits=3, per_slice=20)
    asked = {"1+1", "11+1", "1+11", "111+1", "1+111", "11+11", "111+11", "11+111", "111+111"}
    assert {row["question"] for row in questions["ones"]} <= asked
    assert questions.score(eval)["ones"]["exact_match"] == 1
    run = open_run(shutil.copytree(trained.folder, tmp_path / "run"))
    found = evaluate(OpenRun(run), chosen=FEW)
    assert found["ones"]["why"] == "Ones alone." and found["ones"]["questions"] <= len(asked)
    assert "\nones " in capsys.readouterr().out
    known = OpenRun(run).scores
    assert known and known["ones"] == found["ones"]
    assert results.row_of(run.folder, "group", 0, {}).scores["ones"]["exact_match"] == found["ones"]["exact_match"]
    report = collect.collect(run, "first", examples=10, lengths=(), chosen=FEW)
    assert report.scores["ones"] == found["ones"]
    assert "Ones alone." in page.render([report])


def test_a_set_of_all_its_pairs_has_no_test_set(tmp_path, monkeypatch):
    task, generate = Task("addition", size=1, num_examples=55), ["generate", "addition", "--digits", "1"]
    arith_data([*generate, "--num-examples", "55", "--data-dir", str(tmp_path)])
    data = HeldOut(records.open_source(task, str(tmp_path)))
    seed, others = data.test_set()
    assert (seed, len(others)) == (1, 0)
    right: Any = types.SimpleNamespace(exact=np.ones(len(data.validation), bool))
    monkeypatch.setattr(evaluation, "ask", lambda learner, examples: right)
    learner: Any = None
    results, _, notes = evaluation.on_data(learner, data, stream=False)
    assert list(results) == ["validation"]
    assert notes[-1].startswith("there is no test set: the dataset holds every pair of")


def test_a_shared_pair_is_found(trained, monkeypatch):
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
    with pytest.raises(InputError, match="2 validation pairs of addition-n1003 are in its training set"):
        evaluation.measure(OpenRun(trained), chosen=FEW)


def test_what_was_found_is_told_where_it_cannot_be_saved(trained, monkeypatch, capsys):
    monkeypatch.setattr(evaluated, "write_json", mock.Mock(side_effect=WriteError("evaluation.json", "full")))
    with pytest.raises(WriteError):
        evaluate(OpenRun(trained), chosen=SuiteOptions(per_slice=1))
    assert capsys.readouterr().out.splitlines()[-1].startswith("worst slice: ")


def test_nothing_is_written_into_the_package():
    run = open_run("proved:addition")
    empty: dict[str, Any] = {"data": {}, "hints": "", "notes": (), "sets": {}, "tables": {}, "mistakes": ()}
    found = Evaluation(size=5, best_epoch=1, scores=Scores(()), path=run.evaluation, **empty)
    evaluation.save(run, found)
    assert not run.evaluation.exists()
